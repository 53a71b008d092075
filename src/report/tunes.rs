//! A sweep, as JSON and for people.

use std::fmt::Write as _;

use serde::Serialize;

use crate::base::Span;
use crate::report::gather::digits;
use crate::study::tune::Setting;

/// A sweep over some values of a drill.
#[derive(Debug, Clone, Serialize)]
pub struct TuneResult {
    /// The version of this form.
    pub schema_version: u32,
    /// The scenario's file.
    pub scenario: String,
    /// Seeds of each setting.
    pub seeds: u64,
    /// What was varied.
    pub varied: Vec<String>,
    /// Each setting; the first is the scenario as it stands.
    pub settings: Vec<SettingResult>,
}

/// One setting.
#[derive(Debug, Clone, Serialize)]
pub struct SettingResult {
    /// The values.
    pub values: Vec<String>,
    /// Whether it is the scenario as it stands.
    pub reference: bool,
    /// The verdict.
    pub verdict: &'static str,
    /// Runs that met every target.
    pub passed: u64,
    /// Tasks lost, on average.
    pub lost: f64,
    /// How many more than the reference, and the ends of the 95 % interval; null for one run.
    pub lost_more: Option<[f64; 3]>,
    /// The 95th percentile of the time to recover; null if that never comes.
    pub recover_p95_s: Option<f64>,
    /// Dollars spent, on average.
    pub cost_usd: f64,
    /// Runs without evidence; a setting with any cannot be compared.
    pub void_runs: u64,
    /// Whether no other setting beats it.
    pub on_front: bool,
}

impl SettingResult {
    /// Returns a setting as it is printed.
    pub fn of(setting: &Setting) -> Self {
        Self {
            values: setting.values.clone(),
            reference: setting.is_reference,
            verdict: setting.verdict.word(),
            passed: setting.passed,
            lost: digits(setting.lost),
            lost_more: setting.lost_more.map(|(mean, low, high)| [mean, low, high].map(digits)),
            recover_p95_s: setting.recover_s.map(digits),
            cost_usd: digits(setting.cost_usd),
            void_runs: setting.void_runs,
            on_front: setting.is_on_front,
        }
    }
}

/// Returns the view for people: what nothing beats first, then by harm.
pub fn human(result: &TuneResult) -> String {
    let mut text = String::new();
    line!(text, "{}", result.scenario);
    line!(text, "  varied: {}; {} seeds of each setting\n", result.varied.join(", "), result.seeds);
    let values = |setting: &SettingResult| setting.values.join("  ");
    let width = result.settings.iter().map(|setting| values(setting).len()).max().unwrap_or(0).max(8);
    line!(
        text,
        "  {:<7}{:<width$}  {:<13}{:>8}{:>9}{:>26}{:>10}{:>11}",
        "",
        "setting",
        "verdict",
        "passed",
        "lost",
        "more than the reference",
        "recover",
        "cost"
    );
    let mut settings: Vec<&SettingResult> = result.settings.iter().collect();
    let is_void = |setting: &SettingResult| setting.void_runs > 0;
    settings.sort_by(|one, other| {
        let place = |setting: &SettingResult| (is_void(setting), !setting.on_front);
        place(one).cmp(&place(other)).then(one.lost.total_cmp(&other.lost))
    });
    for setting in &settings {
        let mark = match (setting.on_front, setting.reference) {
            (true, true) => "* ref",
            (true, false) => "*",
            (false, true) => "  ref",
            (false, false) => "",
        };
        let more = match setting.lost_more {
            Some([mean, low, high]) if !setting.reference && !is_void(setting) => {
                format!("{mean:+.1} ({low:+.1}..{high:+.1})")
            }
            _ => String::new(),
        };
        let recover = setting.recover_p95_s.map_or("never".into(), |at| Span::from_secs_f64(at).to_string());
        line!(
            text,
            "  {mark:<7}{:<width$}  {:<13}{:>8}{:>9.1}{more:>26}{recover:>10}{:>11}",
            values(setting),
            setting.verdict,
            setting.passed,
            setting.lost,
            format!("${:.2}", setting.cost_usd),
        );
    }
    line!(
        text,
        "\n  * no other setting has as little harm, as quick a recovery (95 of 100) and as little cost"
    );
    if let Some(reference) = result.settings.iter().find(|setting| setting.reference) {
        let place = if reference.on_front {
            "the scenario as it stands is one of them"
        } else {
            "the scenario as it stands is beaten"
        };
        line!(text, "  {place}");
    }
    text
}
