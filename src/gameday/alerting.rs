//! Alerting that is yours: Alertmanager's webhook, any other one, or somebody who was paged.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::gameday::Field;
use crate::plan::Plan;

/// News of one alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub(super) alert: String,
    pub(super) is_firing: bool,
}

/// What Alertmanager posts, version 4, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Webhook {
    version: String,
    alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
struct Alert {
    status: Status,
    labels: Labels,
}

#[derive(Debug, Deserialize)]
struct Labels {
    alertname: String,
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
    let mut news: Vec<News> = Vec::new();
    for alert in webhook.alerts {
        let is_firing = alert.status == Status::Firing;
        // One alert may fire for several series: it fires as long as one of them does.
        match news.iter_mut().find(|known| known.alert == alert.labels.alertname) {
            Some(known) => known.is_firing |= is_firing,
            None => news.push(News { alert: alert.labels.alertname, is_firing }),
        }
    }
    Ok(news)
}

/// Reads a plain webhook: `{"alert": "NAME", "status": "firing"}`.
pub(super) fn plain(body: &[u8]) -> Result<Vec<News>, String> {
    let of: Plain = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(vec![News { alert: of.alert, is_firing: of.status == Status::Firing }])
}

impl Field<'_> {
    /// Takes news of alerts in; returns which of them the scenario knows.
    pub(super) fn told(&mut self, plan: &Plan, news: &[News]) -> Result<Value, String> {
        if !self.driven.ops().is_told() {
            return Err("the drill evaluates its own rules; `--alerting webhook` leaves that to yours".into());
        }
        let now = self.running.now();
        let (mut matched, mut unknown) = (Vec::new(), Vec::new());
        for of in news {
            let Some(index) = plan.alerts.iter().position(|alert| alert.name == of.alert) else {
                unknown.push(of.alert.clone());
                continue;
            };
            let is_firing = of.is_firing;
            let _is_news: bool = self.driven.tell_ops(now, |ops, telemetry, journal| {
                ops.on_alert((now, telemetry), index, is_firing, journal)
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
        {"status":"resolved","labels":{"alertname":"Bad","instance":"a"},"startsAt":"2026-11-26T04:59:14.679Z"},
        {"status":"firing","labels":{"alertname":"Bad","instance":"b"},"endsAt":"0001-01-01T00:00:00Z"},
        {"status":"resolved","labels":{"alertname":"Other"},"annotations":{}}],
        "groupLabels":{},"externalURL":"http://127.0.0.1:1","version":"4","groupKey":"{}:{}","truncatedAlerts":0}"#;

    #[test]
    fn an_alert_fires_as_long_as_one_of_its_series_does() {
        let news = |alert: &str, is_firing| News { alert: alert.into(), is_firing };
        assert_eq!(alertmanager(FIRING.as_bytes()), Ok(vec![news("Bad", true), news("Other", false)]));
        assert!(
            alertmanager(FIRING.replace("\"4\"", "\"5\"").as_bytes()).unwrap_err().contains("version \"5\"")
        );
        assert!(alertmanager(b"{}").is_err() && alertmanager(b"\xff").is_err());
        assert_eq!(plain(br#"{"alert":"Bad","status":"resolved"}"#), Ok(vec![news("Bad", false)]));
        assert!(plain(br#"{"alert":"Bad"}"#).is_err());
    }
}
