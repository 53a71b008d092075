//! How far a study is, on a terminal.

use std::io::{self, IsTerminal};
use std::sync::Once;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on the terminal that appears once a drill has taken a second.
pub(super) struct Progress {
    bar: ProgressBar,
    shows: Once,
}

impl Progress {
    pub(super) fn new(seeds: u64, what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(seeds), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} seeds, {eta} left");
        bar.set_style(style.expect("the template is right"));
        bar.set_message(what.to_owned());
        Self { bar, shows: Once::new() }
    }

    /// One more seed is done.
    pub(super) fn advance(&self) {
        self.bar.inc(1);
        if self.bar.elapsed() > Duration::from_secs(1) && io::stderr().is_terminal() {
            self.shows.call_once(|| self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5)));
        }
    }

    /// Everything is done.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
