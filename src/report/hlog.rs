//! Latencies of tasks as an `HdrHistogram` log: an interval for each tier, of the runs and of their twins.
//!
//! Values are microseconds. A line is `Tag=DRILL:TIER,start,length,max,histogram`, with the start and the
//! length in seconds of the drill, and the maximum in milliseconds as other writers have it; the histograms
//! of all seeds are added up. Log format 1.3.

use std::fmt::Write;

use crate::report::result::WholeResult;
use crate::report::words::stem;

/// Returns the log.
pub(super) fn text(result: &WholeResult) -> String {
    let mut text = String::from(
        "#[Histogram log format version 1.3]\n#[StartTime: 0.000 (seconds since epoch)]\n#[BaseTime: 0.000 (seconds since epoch)]\n\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
    );
    for (number, drill) in result.drills.iter().enumerate() {
        // Of two drills of one name the second says that it is.
        let before = result.drills.iter().take(number).filter(|other| stem(other) == stem(drill)).count();
        let again = if before == 0 { String::new() } else { format!("-{}", before + 1) };
        let tag = |tier: &str, suffix: &str| {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            format!("{}{again}:{}{suffix}", stem(drill), tier.chars().map(plain).collect::<String>())
        };
        for log in &drill.latencies {
            let both = [("", &log.run, log.run_max_us), ("-twin", &log.twin, log.twin_max_us)];
            for (suffix, histogram, most) in both {
                let (tag, length) = (tag(&log.tier, suffix), drill.system.duration_s);
                line!(text, "Tag={tag},0.000,{length:.3},{:.3},{histogram}", most as f64 / 1000.0);
            }
        }
    }
    text
}
