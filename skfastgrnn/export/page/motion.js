/* Numbers of a phone's sensors, by the event devicemotion. */
"use strict";

const SENSORS = [
  ["accelerationIncludingGravity", "x", "Acceleration x"],
  ["accelerationIncludingGravity", "y", "Acceleration y"],
  ["accelerationIncludingGravity", "z", "Acceleration z"],
  ["rotationRate", "alpha", "Rotation alpha"],
  ["rotationRate", "beta", "Rotation beta"],
  ["rotationRate", "gamma", "Rotation gamma"],
  ["acceleration", "x", "Without gravity x"],
  ["acceleration", "y", "Without gravity y"],
  ["acceleration", "z", "Without gravity z"],
];
const NONE = -1; // a channel that stays in the middle of its range
const PATIENCE = 2000; // milliseconds until a device without sensors is told of

/* The sensor that the name of a channel, or else its place among the channels, speaks for. */
function sensorOf(name, place) {
  const axis = ["x", "y", "z"].indexOf(name.toLowerCase().slice(-1));
  if (axis >= 0 && /gyr|rot|omega/i.test(name)) return 3 + axis;
  if (axis >= 0 && /body|linear|user/i.test(name)) return 6 + axis;
  if (axis >= 0 && /acc|total|grav/i.test(name)) return axis;
  return place < SENSORS.length ? place : NONE;
}

class Motion {
  /* rate: steps per second, or null for as many as events; read: called with each row; tell: called
   * with what the user is told, and whether it is an error */
  constructor(rate, read, tell) {
    Object.assign(this, { rate, read, tell });
    this.isOn = false;
    this.listener = (event) => this.take(event);
  }

  /* mapping: {sensor, factor, middle} of each channel. To be called by a click, as iOS asks the user
   * only then. */
  async start(mapping) {
    if (typeof DeviceMotionEvent === "undefined") {
      throw new Error(
        window.isSecureContext
          ? "This browser reads no motion sensors."
          : "Browsers read motion sensors only in pages that come by https.",
      );
    }
    if (typeof DeviceMotionEvent.requestPermission === "function") {
      const permission = await DeviceMotionEvent.requestPermission();
      if (permission !== "granted") throw new Error("Motion sensors were not permitted.");
    }
    this.mapping = mapping;
    this.resampler = new Resampler(this.rate === null ? null : 1000 / this.rate);
    this.isOn = true;
    this.hasRead = false;
    window.addEventListener("devicemotion", this.listener);
    this.tell("Waiting for the sensors.", false);
    this.timer = setTimeout(() => {
      if (!this.hasRead) {
        this.tell("No sensor has sent anything. A phone or tablet has some.", true);
      }
    }, PATIENCE);
  }

  stop() {
    this.isOn = false;
    clearTimeout(this.timer);
    window.removeEventListener("devicemotion", this.listener);
  }

  take(event) {
    const values = this.mapping.map(({ sensor, factor, middle }) => {
      if (sensor === NONE) return middle;
      const [group, axis] = SENSORS[sensor];
      const value = event[group] === null ? null : event[group][axis];
      return value === null ? null : value * factor;
    });
    if (values.includes(null)) {
      const { sensor } = this.mapping[values.indexOf(null)];
      // Computers send one event of nothing.
      if (!this.hasRead) this.tell(`This device does not measure “${SENSORS[sensor][2]}”.`, true);
      clearTimeout(this.timer);
      return;
    }
    this.hasRead = true;
    for (const row of this.resampler.add(event.timeStamp, values)) this.read(row);
  }
}
