//! Pictures over time: rows that share one scale, drawn so that the script can zoom by their view boxes.
//!
//! The horizontal scale of every row is seconds since the drill began; the vertical one runs from 0 at the
//! top to [`HEIGHT`] at the bottom. Texts stand beside the pictures, where they keep their size.

use std::fmt::Write;

use maud::{Markup, html};

/// The height of a row's own scale.
pub(super) const HEIGHT: f64 = 100.0;

/// A value of a row at every interval.
pub(super) struct Line<'a> {
    /// What it shows, such as `critical`.
    pub name: String,
    /// How it looks.
    pub class: &'static str,
    /// The values; nothing where there is none.
    pub values: &'a [Option<f64>],
    /// Whether the area below it is filled.
    pub is_area: bool,
}

/// Where nothing and the top of a scale stand: a little inside the row, so that no line is cut in half.
const EDGES: (f64, f64) = (97.0, 4.0);

/// The path of a line over a scale from `bottom` to `top`, with intervals of `width` seconds. An area is closed
/// along the bottom.
pub(super) fn path(values: &[Option<f64>], width: f64, (bottom, top): (f64, f64), is_area: bool) -> String {
    let mut path = String::new();
    let mut is_down = false;
    let mut begun = 0.0;
    for (index, value) in values.iter().enumerate() {
        let (from, to) = (index as f64 * width, (index + 1) as f64 * width);
        let Some(value) = value.filter(|value| value.is_finite()) else {
            close(&mut path, is_area && is_down, begun, from);
            is_down = false;
            continue;
        };
        let share = ((value - bottom) / (top - bottom)).clamp(0.0, 1.0);
        let y = EDGES.0 - share * (EDGES.0 - EDGES.1);
        let y = (y * 10.0).round() / 10.0;
        if !is_down {
            begun = from;
        }
        line!(path, "{}{from} {y}H{to}", if is_down { 'L' } else { 'M' });
        is_down = true;
    }
    close(&mut path, is_area && is_down, begun, values.len() as f64 * width);
    path.replace('\n', "")
}

fn close(path: &mut String, is_area: bool, from: f64, to: f64) {
    if is_area {
        line!(path, "L{to} {HEIGHT}L{from} {HEIGHT}Z");
    }
}

/// A round number at or above a value, for the top of a scale.
pub(super) fn ceiling(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
        .map(|step| step * power)
        .into_iter()
        .find(|top| *top >= value)
        .unwrap_or(10.0 * power)
}

/// A row: what it shows beside its picture.
pub(super) fn row(class: &str, label: &Markup, picture: &Markup) -> Markup {
    html! { div class={ "row " (class) } { div class="label" { (label) } div class="picture" { (picture) } } }
}

/// Ticks of a clock at round distances, at most eight: seconds since the drill began.
pub(super) fn ticks(end: f64) -> Vec<f64> {
    const STEPS: [f64; 14] = [
        10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 21600.0, 43200.0,
        86400.0,
    ];
    let step = STEPS.into_iter().find(|step| end / step <= 8.0).unwrap_or(end / 8.0);
    if !(step > 0.0 && end.is_finite()) {
        return Vec::new();
    }
    (0..=8).map(|tick| f64::from(tick) * step).take_while(|tick| *tick <= end).collect()
}
