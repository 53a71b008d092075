//! Latencies of tasks as an `HdrHistogram` log: an interval for each tier, of the runs and of their twins.
//!
//! Values are microseconds. A line is `Tag=DRILL:TIER,start,length,max,histogram`, with the start and the
//! length in seconds of the drill, and the maximum in milliseconds as other writers have it; the histograms
//! of all seeds are added up. Log format 1.3.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use crate::report::result::WholeResult;
use crate::report::words::stem;

/// Returns the log.
pub(super) fn text(result: &WholeResult) -> String {
    let mut text = String::from(
        "#[Histogram log format version 1.3]\n#[StartTime: 0.000 (seconds since epoch)]\n#[BaseTime: 0.000 (seconds since epoch)]\n\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
    );
    for drill in &result.drills {
        let tag = |tier: &str, suffix: &str| {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            format!("{}:{}{suffix}", stem(drill), tier.chars().map(plain).collect::<String>())
        };
        for log in &drill.latencies {
            for (suffix, histogram) in [("", &log.run), ("-twin", &log.twin)] {
                let Some(most) = most(histogram) else { continue };
                let length = drill.system.duration_s;
                line!(
                    text,
                    "Tag={},0.000,{length:.3},{:.3},{histogram}",
                    tag(&log.tier, suffix),
                    most as f64 / 1000.0
                );
            }
        }
    }
    text
}

/// Returns the highest value of a histogram; nothing if it is none.
fn most(text: &str) -> Option<u64> {
    let bytes = STANDARD.decode(text).ok()?;
    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).ok()?;
    Some(histogram.max())
}
