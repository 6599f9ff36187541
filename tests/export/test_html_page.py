"""The page in a browser: pasted, drawn and measured numbers, and what is shown of them."""

import re

import numpy as np
import pytest
from helpers.browser import Browser, JavaScriptError, needs_chromium

from skfastgrnn import FastGRNNClassifier
from skfastgrnn.compression import quantize
from skfastgrnn.export import to_html

pytestmark = needs_chromium

rng = np.random.default_rng(0)
X = rng.normal((0.0, 10.0, -4.0), size=(80, 12, 3))
y = np.array(["left", "right", "still"])[np.argmax(X.sum(axis=1) - [0, 120, -48], axis=1)]
MODEL = quantize(FastGRNNClassifier(6, max_iter=10, random_state=0).fit(X, y), X)
CHANNELS = ["x", "y", "z"]
RATE = 50


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture
def page(browser, tmp_path):
    """A browser that has opened the page of MODEL; it may cause no error."""
    browser.resize(1200, 900)
    return opened(browser, tmp_path, channels=CHANNELS, example=X[0], rate=RATE)


def opened(browser, folder, **options):
    to_html(MODEL, **options).save(folder / "page.html")
    browser.open(folder / "page.html")
    assert browser.errors() == []
    return browser


def paste(page, text):
    """Put text in the field; returns what the page tells of it."""
    return page.apply(
        """(text) => new Promise((done) => {
            const field = document.getElementById("text");
            field.value = text;
            field.dispatchEvent(new Event("input"));
            setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() =>
                done(document.getElementById("message").textContent))), 200);
        })""",
        text,
    )


def text_of(page, name):
    return page.apply("(id) => document.getElementById(id).textContent", name)


def choose(page, name, value):
    page.apply(
        """(id, value) => {
            const field = document.getElementById(id);
            field.value = value;
            field.dispatchEvent(new Event("change"));
        }""",
        name,
        value,
    )


def click(page, name):
    page.apply("(id) => document.getElementById(id).click()", name)


def shown_outputs(page):
    return [int(number) for number in text_of(page, "integer-outputs").split()]


def outputs_of(rows):
    return MODEL._integer_outputs([np.asarray(rows, dtype=float)])[0].tolist()


def test_the_page_asks_for_nothing(page):
    assert [url.rsplit("/", 1)[1] for url in page.requests()] == ["page.html"]


def test_the_example_is_shown_when_the_page_is_opened(page):
    assert text_of(page, "message") == "12 steps of 3 channels."
    assert text_of(page, "predicted") == MODEL.predict(X[:1])[0]
    assert shown_outputs(page) == outputs_of(X[0])
    shares = page.evaluate(
        "Array.from(document.querySelectorAll('.bar'), (bar) => bar.textContent)"
    )
    expected = MODEL.predict_proba(X[:1])[0]
    for text, label, share in zip(shares, MODEL.classes_, expected, strict=True):
        assert text.startswith(label)
        assert float(text.removeprefix(label).removesuffix(" %")) == pytest.approx(
            100 * share, abs=0.51
        )


def test_pasted_numbers_are_computed(page):
    rows = X[3].round(3)
    assert paste(page, "\n".join(" ".join(map(str, row)) for row in rows)).startswith("12 steps")
    assert shown_outputs(page) == outputs_of(rows)
    assert text_of(page, "predicted") == MODEL.predict([rows])[0]


def test_wrong_text_is_told_of_and_nothing_is_predicted(page):
    assert paste(page, "1 2 3\n4 5") == "Line 2 has 2 numbers, but a step has 3: x, y, z."
    assert text_of(page, "predicted") == "\N{EN DASH}"
    assert text_of(page, "integer-outputs") == ""
    assert page.evaluate("document.getElementById('message').classList.contains('wrong')")
    assert paste(page, "  \n") == ""
    click(page, "example")
    assert text_of(page, "message") == "12 steps of 3 channels."


ROWS = [[1, -2.5, 3000], [0.5, 0, -0.25]]


@pytest.mark.parametrize(
    "text",
    [
        "1, -2.5, 3e3\n.5, 0, -25E-2",
        "1 -2.5 +3000\r\n  0.5   0.0 -0.25  \r\n\r\n",
        "1\t-2.5\t3000\n0.5\t0\t-0.25\n",
        "1;-2,5;3000\n0,5;0;-0,25",
        "1,-2.5,3000,\n0.5,0,-0.25,",
        "# of yesterday\nx y z\n1 -2.5 3000\n# then\n.5 0 -.25",
        "time,z,y,x\n0,3000,-2.5,1\n1,-0.25,0,0.5",
        '"a","b","c"\n"1","-2.5","3000"\n"0.5","0","-0.25"',
        "[[1, -2.5, 3000], [0.5, 0, -0.25]]",
        "array([[ 1.  , -2.5 ,\n   3000.  ],\n  [ 0.5 , 0., -0.25]])".replace("array(", "").rstrip(
            ")"
        ),
        "[[ 1.e+00 -2.5e+00  3.e+03]\n [ 5.e-01  0.e+00 -2.5e-01]]",
    ],
)
def test_forms_of_text(page, text):
    assert page.apply("(text) => parseRows(text, ['x', 'y', 'z'])", text) == ROWS


def test_numbers_of_one_channel_in_one_line(page):
    for text in ("1 2 3", "1,2,3", "1\n2\n3", "value\n1\n2\n3"):
        assert page.apply("(text) => parseRows(text, ['v'])", text) == [[1], [2], [3]]


def test_text_of_rows_is_read_back(page):
    rows = X[0].tolist()
    assert page.apply("(rows) => parseRows(textOf(rows), ['x', 'y', 'z'])", rows) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "There are no numbers."),
        ("x,y,z", "There are no numbers."),
        ("1 2 3 4", "Line 1 has 4 numbers, but a step has 3: x, y, z."),
        ("1,2,3\n\n1,,3", "Line 3, column 2 is empty."),
        ("1 2 3\n1 nan 3", "Line 2, column 2 is “nan”, which is no number."),
        ("1 2 3\n1 0x10 3", "“0x10”, which is no number."),
        ("1 2 1e999", "Line 1, column 3: “1e999” is too large."),
        ("1,5 2,5 3,5", "Line 1 has 4 numbers"),
        ("1 2 " + "a" * 99, "“" + "a" * 20 + "…”"),
    ],
)
def test_wrong_text(page, text, message):
    with pytest.raises(JavaScriptError, match=re.escape(message)):
        page.apply("(text) => parseRows(text, ['x', 'y', 'z'])", text)


INJECTED = [
    "</script><script>window.injected = 1</script>",
    "<img src=x onerror='window.injected = 2'>",
    "\"'><svg onload=window.injected=3>",
    "<!--<script>",
    "${window.injected = 4}",
    "\u2028@script@ é 日本",
]


def test_names_are_text_and_nothing_else(browser, tmp_path):
    page = opened(
        browser,
        tmp_path,
        channels=INJECTED[:3],
        labels=INJECTED[3:],
        title=INJECTED[1],
        example=X[0],
    )
    for tab in ("draw", "motion", "paste"):
        click(page, f"tab-{tab}")
    paste(page, "1 <img/src=x/onerror=window.injected=5> 3")
    assert "<img/src=x" in text_of(page, "message")
    assert page.evaluate("window.injected") is None
    assert page.evaluate("document.querySelectorAll('img, svg, script').length") == 2
    assert page.evaluate("document.title") == INJECTED[1]
    assert text_of(page, "title") == INJECTED[1]
    assert page.evaluate("model.labels") == INJECTED[3:]
    assert (
        page.evaluate("Array.from(document.querySelectorAll('th'), (e) => e.textContent)")[3:]
        == (INJECTED[:3])
    )


def test_a_channel_is_drawn_with_the_pointer(page):
    click(page, "tab-draw")
    choose(page, "draw-steps", "10")
    choose(page, "draw-mode", "1")
    for name, value in (("draw-least", "-100"), ("draw-most", "100"), ("draw-least", "0")):
        choose(page, name, value)
    left, top, width, height = page.evaluate(
        "(() => { const b = pad.canvas.getBoundingClientRect(); "
        "return [b.left, b.top, b.width, b.height]; })()"
    )
    page.mouse("mousePressed", left + 2, top + height / 2)
    page.mouse("mouseMoved", left + 1, top + height - 1)
    page.mouse("mouseMoved", left + width - 1, top + 1)
    page.mouse("mouseReleased", left + width - 1, top + 1)
    page.mouse("mouseMoved", left + 5, top + 5)
    rows = np.array(page.evaluate("run.rows"))
    np.testing.assert_allclose(rows[:, 1], np.linspace(0, 100, 10), atol=1.5)
    np.testing.assert_allclose(
        rows[:, [0, 2]], np.tile(X.mean(axis=(0, 1))[[0, 2]], (10, 1)), atol=0.01
    )
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert shown_outputs(page) == outputs_of(rows)
    click(page, "erase")
    assert page.evaluate("run.length") == 0


def test_a_path_of_two_channels_is_resampled(page):
    click(page, "tab-draw")
    choose(page, "draw-mode", "x2")
    choose(page, "draw-y", "0")
    page.evaluate(
        "pad.path = [], [0, 30, 55, 140].forEach((time, i) => "
        "pad.put({step: 0, x: i / 4, y: 1 - i / 4, time}))"
    )
    (x0, x1), (z0, z1) = page.evaluate("[ranges[0], ranges[2]]")
    times = np.arange(0, 141, 1000 / RATE)
    share = np.interp(times, [0, 30, 55, 140], np.arange(4) / 4)
    rows = np.array(page.evaluate("run.rows"))
    np.testing.assert_allclose(rows[:, 2], z0 + share * (z1 - z0))
    np.testing.assert_allclose(rows[:, 0], x0 + (1 - share) * (x1 - x0))


def test_the_arrow_keys_draw(page):
    click(page, "tab-draw")
    choose(page, "draw-steps", "5")
    page.evaluate("pad.canvas.focus()")
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.press(key)
    least, most = page.evaluate("ranges[0]")
    shares = (np.array(page.evaluate("run.rows"))[:, 0] - least) / (most - least)
    middle = (page.evaluate("middle[0]") - least) / (most - least)
    np.testing.assert_allclose(shares, [0.55, 0.55, 0.525, middle, middle])
    choose(page, "draw-mode", "x0")
    page.evaluate("pad.canvas.focus()")
    for key in ("ArrowRight", "ArrowUp"):
        page.press(key)
    assert page.evaluate("pad.path.length") == 3


MEASURED = """(samples) => {
    for (const [time, x, y, alpha] of samples) {
        const event = new DeviceMotionEvent("devicemotion", {
            accelerationIncludingGravity: {x, y, z: 0},
            rotationRate: {alpha, beta: 0, gamma: 0},
        });
        Object.defineProperty(event, "timeStamp", {value: time});
        motion.listener(event);
    }
    return run.rows;
}"""


def start_motion(page):
    click(page, "tab-motion")
    page.evaluate("document.getElementById('window').value = 0")
    page.evaluate(
        "document.getElementById('motion').click(), new Promise((r) => setTimeout(r, 20))"
    )
    # The machine's own event, which measures nothing, is not of the test.
    page.evaluate("window.removeEventListener('devicemotion', motion.listener)")


def test_sensors_are_mapped_and_resampled(page):
    click(page, "tab-motion")
    page.evaluate("mapping[2].sensor.value = 3, mapping[2].factor.value = '0.5'")
    page.evaluate("mapping[1].sensor.value = NONE")
    start_motion(page)
    times = np.cumsum(rng.uniform(5, 40, 40))
    values = rng.normal(size=(40, 3))
    rows = np.array(page.apply(MEASURED, np.column_stack([times, values]).tolist()))
    wanted = np.arange(times[0], times[-1] + 1e-9, 1000 / RATE)
    assert len(rows) == len(wanted)
    np.testing.assert_allclose(rows[:, 0], np.interp(wanted, times, values[:, 0]), atol=1e-9)
    np.testing.assert_allclose(rows[:, 1], X.mean(axis=(0, 1))[1], atol=0.01)
    np.testing.assert_allclose(rows[:, 2], 0.5 * np.interp(wanted, times, values[:, 2]), atol=1e-9)
    assert text_of(page, "message") == f"{len(wanted)} steps read."


def test_a_stream_begins_anew_and_is_bounded(page):
    start_motion(page)
    samples = [[20.0 * i, 0, 0, 0] for i in range(450)]
    page.apply(MEASURED, samples)
    assert page.evaluate("[run.length, run.nDropped]") == [400, 50]
    page.evaluate("document.getElementById('window').value = 30, run.reset()")
    page.apply(MEASURED, [[20.0 * i + 9000, 0, 0, 0] for i in range(70)])
    assert page.evaluate("[run.length, run.nDropped]") == [10, 0]


def test_sensors_that_there_are_not(page):
    start_motion(page)
    page.evaluate("motion.listener(new DeviceMotionEvent('devicemotion', {}))")
    assert text_of(page, "message") == "This device does not measure “Acceleration x”."
    page.evaluate("new Promise((r) => setTimeout(r, 50))")
    assert text_of(page, "motion") == "Stop"
    click(page, "motion")
    page.evaluate("DeviceMotionEvent.requestPermission = async () => 'denied'")
    page.evaluate(
        "document.getElementById('motion').click(), new Promise((r) => setTimeout(r, 20))"
    )
    assert text_of(page, "message") == "Motion sensors were not permitted."
    assert text_of(page, "motion") == "Start"


def test_sensors_are_guessed_by_name(page):
    names = ["body_acc_x", "gyro_z", "total_acc_y", "temperature", "Rotation Y"]
    assert page.apply("(names) => names.map(sensorOf)", names) == [6, 5, 1, 3, 4]


def test_a_step_can_be_looked_at_and_played(page):
    page.apply(
        """(at) => {
            const slider = document.getElementById("at");
            slider.value = at;
            slider.dispatchEvent(new Event("input"));
            return new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)));
        }""",
        5,
    )
    assert shown_outputs(page) == outputs_of(X[0][:5])
    assert text_of(page, "step") == "5 of 12, 0.10 s"
    click(page, "play")
    page.evaluate("new Promise((done) => setTimeout(done, 600))")
    assert text_of(page, "step") == "12 of 12, 0.24 s"
    assert text_of(page, "play") == "Play"
    assert shown_outputs(page) == outputs_of(X[0])


def test_tabs_by_keyboard(page):
    page.evaluate("document.getElementById('tab-paste').focus()")
    for key, expected in [
        ("ArrowRight", "draw"),
        ("ArrowRight", "motion"),
        ("ArrowRight", "paste"),
    ]:
        page.press(key)
        assert page.evaluate("document.activeElement.id") == f"tab-{expected}"
        shown = page.evaluate(
            "Array.from(document.querySelectorAll('[role=tabpanel]')).filter((p) => !p.hidden)"
            ".map((p) => p.id)"
        )
        assert shown == [f"panel-{expected}"]


@pytest.mark.parametrize("tab", ["paste", "draw", "motion"])
def test_every_control_has_a_name(page, tab):
    click(page, f"tab-{tab}")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "textbox", "combobox", "spinbutton", "slider", "tab", "img", "image"}
    controls = [
        node for node in nodes if not node["ignored"] and node["role"].get("value") in roles
    ]
    assert len(controls) >= 9
    assert [node for node in controls if not node["name"]["value"]] == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 390, 1200])
def test_nothing_is_wider_than_the_screen(browser, tmp_path, width, dark):
    browser.resize(width, 844, dark=dark, mobile=width < 400)
    page = opened(browser, tmp_path, title="A" * 200, labels=["B" * 80, "c", "d"], example=X[0])
    for tab in ("paste", "draw", "motion"):
        click(page, f"tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", color))) < 200) == dark
