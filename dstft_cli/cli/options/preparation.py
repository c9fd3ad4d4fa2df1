"""The options of what is done to samples before the analysis, and of what in them decides window lengths."""

from cloup import option_group

from .settings import setting

preparation_options = option_group(
    "Levels and filters",
    setting(
        "--sensitivity",
        "signal.sensitivity",
        metavar="Q/UNIT",
        help="What the sensor gives for one of the unit measured: 100mV/g, 50mV/Pa. Samples without a unit count as volts.",
    ),
    setting(
        "--calibration",
        "signal.calibration",
        metavar="FACTOR",
        help="What 1 stands for in the file, with or without a unit: 9.81, 10V, 2.5Pa.",
    ),
    setting("--highpass", "signal.highpass", type=float, metavar="HZ", help="Remove what is below, without delay."),
    setting("--lowpass", "signal.lowpass", type=float, metavar="HZ", help="Remove what is above, without delay."),
    setting(
        "--whiten",
        "signal.whiten",
        is_flag=True,
        flag_value=True,
        help="Divide each frequency by its median level over time: steady noise and lines fade, what changes stands out.",
    ),
    help="Applied to the samples before the analysis.",
)

annotation_options = option_group(
    "Annotations",
    setting(
        "--annotations",
        "signal.annotations",
        metavar="FILE|DIR",
        help="Boxes over time and frequency that alone decide the windows: Raven selection table, Audacity labels or Praat TextGrid; "
        "or a folder with one for each recording.",
    ),
    setting("--label", "signal.label", metavar="TEXT", help="Only boxes with this label (or tier) count."),
    setting(
        "--each-box",
        "signal.each_box",
        is_flag=True,
        flag_value=True,
        help="A result for each box, with half of its length on either side.",
    ),
)
