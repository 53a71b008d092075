//! Alerting that is yours: Alertmanager's webhook, any other one, or somebody who was paged.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::gameday::Field;
use crate::plan::Plan;

/// News of one alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub(super) alert: String,
    /// Which of its series, if that is said: an alert fires as long as one of them does.
    pub(super) series: Option<String>,
    pub(super) is_firing: bool,
}

/// The series of each alert that fire, as others have said.
pub(super) type Firing = BTreeMap<usize, BTreeSet<String>>;

/// The most series of one alert that are told apart.
const SERIES_MAX: usize = 10_000;

/// What Alertmanager posts, version 4, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Webhook {
    version: String,
    alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
struct Alert {
    status: Status,
    labels: BTreeMap<String, String>,
    #[serde(default)]
    fingerprint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Firing,
    Resolved,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    alert: String,
    status: Status,
}

/// Reads what Alertmanager posts; the error says what is wrong with it.
pub(super) fn alertmanager(body: &[u8]) -> Result<Vec<News>, String> {
    let webhook: Webhook = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if webhook.version != "4" {
        return Err(format!("version {:?} of the webhook is not known; 4 is", webhook.version));
    }
    let one = |alert: Alert| {
        let name = alert.labels.get("alertname").cloned().ok_or("an alert has no `alertname`")?;
        let series =
            if alert.fingerprint.is_empty() { format!("{:?}", alert.labels) } else { alert.fingerprint };
        Ok(News { alert: name, series: Some(series), is_firing: alert.status == Status::Firing })
    };
    webhook.alerts.into_iter().map(one).collect::<Result<_, &str>>().map_err(str::to_owned)
}

/// Reads a plain webhook: `{"alert": "NAME", "status": "firing"}`.
pub(super) fn plain(body: &[u8]) -> Result<Vec<News>, String> {
    let of: Plain = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(vec![News { alert: of.alert, series: None, is_firing: of.status == Status::Firing }])
}

impl Field<'_> {
    /// Takes news of alerts in; returns which of them the scenario knows.
    pub(super) fn told(&mut self, plan: &Plan, news: &[News]) -> Result<Value, String> {
        if !self.arm.driven.ops().is_told() {
            return Err("the drill evaluates its own rules; `--alerting webhook` leaves that to yours".into());
        }
        let now = self.arm.running.now();
        let (mut matched, mut unknown) = (Vec::new(), Vec::new());
        for of in news {
            let Some(index) = plan.alerts.iter().position(|alert| alert.name == of.alert) else {
                unknown.push(of.alert.clone());
                continue;
            };
            let series = self.firing.entry(index).or_default();
            match &of.series {
                None if !of.is_firing => series.clear(),
                Some(one) if !of.is_firing => {
                    series.remove(one);
                }
                None | Some(_) if series.len() < SERIES_MAX => {
                    series.insert(of.series.clone().unwrap_or_default());
                }
                None | Some(_) => {}
            }
            let is_firing = of.is_firing || !series.is_empty();
            self.arm.driven.tell_ops(now, |ops, telemetry, journal| {
                ops.on_alert((now, telemetry), index, is_firing, journal);
            });
            matched.push(of.alert.clone());
        }
        self.log.line(&json!({ "kind": "alerts", "at_ns": now.0, "matched": matched, "unknown": unknown }));
        Ok(json!({ "matched": matched, "unknown": unknown }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Alertmanager 0.25 posts it.
    const FIRING: &str = r#"{"receiver":"hook","status":"firing","alerts":[
        {"status":"resolved","labels":{"alertname":"Bad","instance":"a"},"startsAt":"2026-11-26T04:59:14.679Z","fingerprint":"1b5b"},
        {"status":"firing","labels":{"alertname":"Bad","instance":"b"},"endsAt":"0001-01-01T00:00:00Z"}],
        "groupLabels":{},"externalURL":"http://127.0.0.1:1","version":"4","groupKey":"{}:{}","truncatedAlerts":0}"#;

    #[test]
    fn what_alertmanager_posts_is_read_series_by_series() {
        let news = alertmanager(FIRING.as_bytes()).unwrap();
        let told: Vec<(&str, bool)> = news.iter().map(|of| (of.alert.as_str(), of.is_firing)).collect();
        assert_eq!(told, [("Bad", false), ("Bad", true)]);
        let series: Vec<&str> = news.iter().filter_map(|of| of.series.as_deref()).collect();
        assert!(series[0] == "1b5b" && series[1].contains("instance"), "{news:?}");
        assert!(
            alertmanager(FIRING.replace("\"4\"", "\"5\"").as_bytes()).unwrap_err().contains("version \"5\"")
        );
        assert!(
            alertmanager(FIRING.replace("alertname", "name").as_bytes()).unwrap_err().contains("alertname")
        );
        assert!(alertmanager(b"{}").is_err() && alertmanager(b"\xff").is_err());
        let plain_news = plain(br#"{"alert":"Bad","status":"resolved"}"#).unwrap();
        assert!(plain_news[0].alert == "Bad" && !plain_news[0].is_firing);
        assert!(plain(br#"{"alert":"Bad"}"#).is_err());
    }
}
