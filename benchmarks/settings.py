"""What all contenders train with: Adam, and clipping by the global norm of the gradient."""

LEARNING_RATE = 1e-2
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
CLIP_NORM = 5.0
