"""The empty plots of a page, made with Bokeh: axes, tools, colour bar and marks, which the page's script fills by their names."""

import math

from bokeh.layouts import gridplot
from bokeh.models import (
    BasicTicker,
    BoxAnnotation,
    BoxSelectTool,
    BoxZoomTool,
    ColorBar,
    ColumnDataSource,
    FixedTicker,
    GridPlot,
    LinearColorMapper,
    PanTool,
    PlainText,
    Range1d,
    ResetTool,
    SaveTool,
    Span,
    Ticker,
    ToolProxy,
    WheelZoomTool,
)
from bokeh.plotting import figure

from ..figures.axis_scales import Scale
from .content import Axes

SIDE_WIDTH = 250
"""Pixels of the last column, with the colour bar and the spectra."""
_WAVE_HEIGHT, _PICTURE_HEIGHT, _CURVE_HEIGHT = 96, 420, 130  # pixels
_LEFT, _LEFT_AGAIN = 72, 44  # pixels beside the plots of the first result and of the others


def plots(axes: Axes) -> GridPlot:
    """The plots of results side by side, with linked axes.

    Names, with i for the number of a result from 0: wave<i>, picture<i>, curve<i> and spectra are plots; those of their sources and
    marks begin with the plot's.
    """
    time, frequency = axes.time, axes.frequency
    x = Range1d(time.low, time.high, bounds=(time.low, time.high), name="time")
    y = Range1d(*axes.band, bounds=(frequency.low, frequency.high), name="frequency")
    levels = Range1d(-1, 0, name="levels")
    waves, pictures, curves = [], [], []
    for i, (label, limits) in enumerate(axes.amplitudes):
        side = _LEFT if i == 0 else _LEFT_AGAIN
        waves.append(_wave(i, x, limits, label, side))
        pictures.append(_picture(i, x, y, frequency, side))
        curves.append(_curve(i, x, levels, time.label, side))
    grid = gridplot(
        [[*waves, None], [*pictures, _spectra(axes, y, levels)], [*curves, None]],
        sizing_mode="stretch_width",
        merge_tools=True,
        toolbar_location="above",
        toolbar_options={"logo": None},
    )
    grid.cols = [*["1fr"] * len(waves), f"{SIDE_WIDTH}px"]
    _activate(grid)
    return grid


def _activate(grid: GridPlot) -> None:
    """Make a drag draw a box and the wheel zoom, in the common toolbar and in that of each plot."""
    for toolbar in [grid.toolbar, *(plot.toolbar for plot, *_ in grid.children)]:
        for tool in toolbar.tools:
            kind = tool.tools[0] if isinstance(tool, ToolProxy) else tool
            if isinstance(kind, BoxSelectTool):
                toolbar.active_drag = tool
            elif isinstance(kind, WheelZoomTool):
                toolbar.active_scroll = tool


def _plain(text: str) -> PlainText:
    """A label that is never read as mathematics."""
    return PlainText(text=text)


def _figure(name: str, height: int, side: int, **options: object):
    plot = figure(
        name=name, height=height, tools="", min_border_left=side, min_border_right=12, min_border_top=4, **options
    )
    plot.min_border_bottom = 4
    plot.background_fill_color = plot.border_fill_color = None  # the page's colour, which changes
    for axis in plot.axis:
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_standoff = 4
        axis.ticker.desired_num_ticks = 6
    plot.grid.grid_line_alpha = 0.35
    return plot


def _line(plot, name: str, **style: object) -> None:
    """A line without points yet; the source has the name and "-line", the glyph the name and "-glyph"."""
    plot.line("x", "y", source=ColumnDataSource({"x": [], "y": []}, name=f"{name}-line"), name=f"{name}-glyph", **style)


def _wave(i: int, x: Range1d, limits: tuple[float, float], label: str, side: int):
    plot = _figure(f"wave{i}", _WAVE_HEIGHT, side, x_range=x, y_range=Range1d(*limits))
    plot.yaxis.axis_label = _plain(label)
    plot.yaxis.ticker.desired_num_ticks = 3
    plot.xaxis.visible = False
    _line(plot, f"wave{i}")
    plot.vspan("x", source=ColumnDataSource({"x": []}, name=f"wave{i}-frames"), line_color="#D55E00", line_alpha=0.45)
    _marks(plot, f"wave{i}", across=False)
    return plot


def _picture(i: int, x: Range1d, y: Range1d, frequency: Scale, side: int):
    kind = "log" if frequency.log else "linear"
    plot = _figure(f"picture{i}", _PICTURE_HEIGHT, side, x_range=x, y_range=y, y_axis_type=kind)
    plot.yaxis.axis_label = _plain(frequency.label) if i == 0 else None
    plot.grid.visible = False
    source = ColumnDataSource({"image": [], "x": [], "y": [], "dw": [], "dh": []}, name=f"picture{i}-image")
    plot.image_rgba("image", "x", "y", "dw", "dh", source=source)
    tracks = ColumnDataSource({"xs": [], "ys": [], "colour": []}, name=f"picture{i}-tracks")
    for width, colour, name in (
        (4, "#000000", "edge"),
        (1.8, "colour", "line"),
    ):  # a dark edge, to stand out of bright planes
        line = {"line_width": width, "line_color": colour, "line_alpha": 0.5 if name == "edge" else 1}
        plot.multi_line("xs", "ys", source=tracks, name=f"picture{i}-tracks-{name}", **line)
    _marks(plot, f"picture{i}")
    plot.add_layout(
        Span(dimension="height", name=f"picture{i}-wipe", line_color="#ffffff", line_width=2, visible=False)
    )
    plot.add_layout(
        BoxAnnotation(
            name=f"picture{i}-box",
            fill_alpha=0.08,
            fill_color="#ffffff",
            line_color="#ffffff",
            line_alpha=1,
            line_width=1.5,
            line_dash="solid",
            visible=False,
        )
    )
    box = BoxSelectTool(renderers=[], persistent=False, description="Select a box")
    plot.add_tools(box, PanTool(), BoxZoomTool(), WheelZoomTool(), ResetTool(), SaveTool())
    return plot


def _curve(i: int, x: Range1d, levels: Range1d, time_label: str, side: int):
    plot = _figure(f"curve{i}", _CURVE_HEIGHT, side, x_range=x, y_range=levels)
    plot.xaxis.axis_label = _plain(time_label)
    plot.yaxis.axis_label = "Level (dB)" if i == 0 else None
    plot.yaxis.ticker.desired_num_ticks = 4
    for which, dash in (("second", "dashed"), ("first", "solid")):
        _line(plot, f"curve{i}-{which}", line_dash=dash, line_width=1.2)
    _marks(plot, f"curve{i}", across=False)
    return plot


def _spectra(axes: Axes, y: Range1d, levels: Range1d):
    kind = "log" if axes.frequency.log else "linear"
    plot = _figure("spectra", _PICTURE_HEIGHT, 4, x_range=levels, y_range=y, y_axis_type=kind, width=SIDE_WIDTH)
    plot.sizing_mode = "fixed"
    plot.xaxis.axis_label = "Level (dB)"
    plot.xaxis.ticker.desired_num_ticks = 4
    plot.yaxis.major_label_text_font_size = "0px"
    for i in range(len(axes.amplitudes)):
        for which, dash in (("second", "dashed"), ("first", "solid")):
            _line(plot, f"spectra-{which}{i}", line_dash=dash, line_width=1.2)
    _marks(plot, "spectra", along=False)
    ticker = BasicTicker(desired_num_ticks=8)
    plot.add_layout(_bar("levels-bar", axes.level_label, (0.0, 1.0), ["#000000", "#ffffff"], ticker), "left")
    if axes.lengths:
        plot.add_layout(_length_bar(axes.lengths), "left")
    return plot


def _length_bar(lengths: dict) -> ColorBar:
    """The colour bar of window lengths, on a logarithmic scale. lengths: as the page's script has them."""
    places = [math.log(tick) for tick in lengths["ticks"]]
    ends = math.log(lengths["low"]), math.log(lengths["high"])
    bar = _bar("lengths-bar", lengths["title"], ends, lengths["palette"], FixedTicker(ticks=places))
    bar.major_label_overrides = dict(zip(places, lengths["labels"], strict=True))
    bar.visible = False
    return bar


def _bar(name: str, title: str, ends: tuple[float, float], colours: list[str], ticker: Ticker) -> ColorBar:
    return ColorBar(
        color_mapper=LinearColorMapper(palette=colours, low=ends[0], high=ends[1], name=f"{name}-colours"),
        name=name,
        title=_plain(title),
        title_text_font_style="normal",
        title_standoff=6,
        ticker=ticker,
        width=12,
        padding=4,
        margin=0,
        background_fill_alpha=0,
    )


def _marks(plot, name: str, along: bool = True, across: bool = True) -> None:
    """The cursor and the line that moves while the sound plays. along: where time runs to the right. across: where frequency runs up."""
    if along:
        plot.add_layout(Span(dimension="height", name=f"{name}-cursor", line_dash="dashed", visible=False))
        plot.add_layout(Span(dimension="height", name=f"{name}-head", line_width=2, visible=False))
    if across:
        plot.add_layout(Span(dimension="width", name=f"{name}-row", line_dash="dashed", visible=False))
