//! Scenario files that express queues with a closed form, against that form: limited by slots, by queue
//! places, by a model's tokens, and by the client's own bulkhead.
//!
//! The bound is four standard errors over seeds (99.994 % of means lie inside, if the form is
//! right), so a failure here is a bug and not bad luck; the seeds are fixed anyway.

use stormdrill::engine::rehearse;
use stormdrill::record::Record;

use crate::{mean_and_error, plan};

const SEEDS: u64 = 24;

/// Runs a queue of `system` and compares what `measure` sees with `expected`.
fn check(system: &str, expected: f64, measure: impl Fn(&Record) -> f64) {
    let plan = plan(&format!(
        "duration = \"8h\"\nbaseline = \"10m\"\n\
         [slo.done]\nsuccess = \"1%\"\n\
         [agents.client]\nplan = [{{ {} }}]\n\
         [load]\ntiers = {{ standard = \"100%\" }}\n{}",
        if system.contains("kind = \"model\"") {
            "ask = \"server\", tokens = { in = \"100\", out = \"exponential(200)\" }"
        } else {
            "use = \"server\""
        },
        system,
    ));
    let values: Vec<f64> = (0..SEEDS).map(|seed| measure(&rehearse(&plan, seed))).collect();
    let (mean, error) = mean_and_error(&values);
    assert!(
        (mean - expected).abs() <= 4.0 * error,
        "measured {mean:.5} +- {error:.5}, the formula says {expected:.5}"
    );
    assert!(error < 0.05 * expected, "the test must be sharp: {mean:.5} +- {error:.5}");
}

/// Mean time that served requests waited for a slot, in seconds.
fn wait(record: &Record) -> f64 {
    let server = &record.mocks[0];
    server.waited_ns as f64 / server.started as f64 / 1e9
}

/// The share of requests refused because the queue was full.
fn loss(record: &Record) -> f64 {
    let server = &record.mocks[0];
    server.overloaded as f64 / server.requests as f64
}

/// The probability of waiting in M/M/c (Erlang 1917), for an offered load of `load` Erlang.
fn erlang_c(servers: u32, load: f64) -> f64 {
    let mut blocked = 1.0;
    for server in 1..=servers {
        blocked = load * blocked / (f64::from(server) + load * blocked);
    }
    let busy = load / f64::from(servers);
    blocked / (1.0 - busy * (1.0 - blocked))
}

#[test]
fn one_server_waits_as_long_as_m_m_1_says() {
    let system = "arrivals.poisson = \"0.8/s\"\n\
         [mocks.server]\nkind = \"tool\"\nservice = \"exponential(1s)\"\nconcurrency = 1\nqueue = 100000";
    check(system, 0.8 / (1.0 - 0.8), wait);
}

#[test]
fn sixteen_servers_wait_as_long_as_erlang_c_says() {
    let system = "arrivals.poisson = \"14.4/s\"\n\
         [mocks.server]\nkind = \"tool\"\nservice = \"exponential(1s)\"\nconcurrency = 16\nqueue = 100000";
    check(system, erlang_c(16, 14.4) / (16.0 - 14.4), wait);
}

#[test]
fn a_queue_of_three_places_loses_what_m_m_c_k_says() {
    let system = "arrivals.poisson = \"2/s\"\n\
         [mocks.server]\nkind = \"tool\"\nservice = \"exponential(1s)\"\nconcurrency = 2\nqueue = 3";
    // Birth and death: state n has weight a^n/n! up to c, and a^n/(c! c^(n-c)) beyond, with a = 2, c = 2.
    let weights: Vec<f64> = (0..=5)
        .map(|n: i32| {
            if n == 0 {
                1.0
            } else {
                2.0_f64.powi(n) / 2.0 / 2.0_f64.powi((n - 2).max(0)) * if n == 1 { 2.0 } else { 1.0 }
            }
        })
        .collect();
    check(system, weights[5] / weights.iter().sum::<f64>(), loss);
}

#[test]
fn without_a_queue_the_loss_is_erlang_b() {
    let system = "arrivals.poisson = \"8/s\"\n\
         [mocks.server]\nkind = \"tool\"\nservice = \"lognormal(800ms, 0.8)\"\nconcurrency = 10\nqueue = 0";
    // Erlang B depends on the service time through its mean alone.
    let load = 8.0 * 0.8 * (0.8_f64 * 0.8 / 2.0).exp();
    let blocked = (1..=10).fold(1.0, |blocked, server| load * blocked / (f64::from(server) + load * blocked));
    check(system, blocked, loss);
}

/// Pollaczek and Khinchine: the wait in M/G/1 from the mean and the second moment of the service.
fn pollaczek_khinchine(rate: f64, mean: f64, second_moment: f64) -> f64 {
    rate * second_moment / (2.0 * (1.0 - rate * mean))
}

fn m_g_1(service: &str) -> String {
    format!(
        "arrivals.poisson = \"0.7/s\"\n\
         [mocks.server]\nkind = \"tool\"\nservice = \"{service}\"\nconcurrency = 1\nqueue = 100000"
    )
}

#[test]
fn constant_service_waits_as_long_as_m_d_1_says() {
    check(&m_g_1("1s"), pollaczek_khinchine(0.7, 1.0, 1.0), wait);
}

#[test]
fn gamma_service_waits_as_long_as_pollaczek_and_khinchine_say() {
    // Mean 1, shape 0.5: the variance is mean^2 / shape.
    check(&m_g_1("gamma(1s, 0.5)"), pollaczek_khinchine(0.7, 1.0, 1.0 + 2.0), wait);
}

#[test]
fn lognormal_service_waits_as_long_as_pollaczek_and_khinchine_say() {
    let sigma: f64 = 0.7;
    let mean = 0.8 * (sigma * sigma / 2.0).exp();
    let second = 0.64 * (2.0 * sigma * sigma).exp();
    check(&m_g_1("lognormal(800ms, 0.7)"), pollaczek_khinchine(0.7, mean, second), wait);
}

#[test]
fn a_model_with_one_slot_waits_by_its_tokens() {
    // Time to first token 200 ms, and 3 ms for each of an exponential number of tokens (mean 200).
    let system = "arrivals.poisson = \"0.8/s\"\n\
         [mocks.server]\nkind = \"model\"\nfirst_token = \"200ms\"\nper_token = \"3ms\"\nconcurrency = 1\nqueue = 100000";
    // Tokens are cut to whole ones, which takes half a token off the mean.
    let (mean, variance) = (0.2 + 0.003 * 199.5, (0.003_f64 * 200.0).powi(2));
    check(system, pollaczek_khinchine(0.8, mean, mean * mean + variance), wait);
}

/// A bulkhead of c calls before a server without limit is M/M/c seen from the client.
#[test]
fn a_bulkhead_makes_calls_wait_as_long_as_erlang_c_says() {
    let system = "arrivals.poisson = \"3.2/s\"\n\
         [mocks.server]\nkind = \"tool\"\nservice = \"exponential(1s)\"\n\
         [guard.server]\ntimeout = \"1h\"\nbulkhead = { concurrent = 4, queue = 100000 }";
    // Latency of tasks is waiting plus service; its mean is read off the busy time and the tasks.
    let expected = erlang_c(4, 3.2) / (4.0 - 3.2) + 1.0;
    check(system, expected, |record| record.latencies[1].mean() / 1e6);
}

/// Tasks that arrive in each hour of two days, over seeds.
fn arrivals_by_hour(load: &str) -> Vec<Vec<f64>> {
    let plan = plan(&format!(
        "duration = \"48h\"\nbaseline = \"10m\"\nstarts_at = \"00:00\"\n[mocks.server]\nkind = \"tool\"\nservice = \"1ms\"\n\
         [agents.client]\nplan = [{{ use = \"server\" }}]\n[slo.done]\nsuccess = \"1%\"\n\
         [load]\ntiers = {{ standard = \"100%\" }}\n{load}"
    ));
    let by_hour = |seed| {
        let series = rehearse(&plan, seed).series;
        let buckets = 3_600_000_000_000 / series.width.0 as usize;
        let hours = series.tiers.chunks(buckets).take(48);
        hours.map(|hour| hour.iter().flatten().map(|counts| counts.arrived as f64).sum()).collect()
    };
    (0..SEEDS).map(by_hour).collect()
}

#[test]
fn a_daily_swing_follows_the_cosine_around_its_peak() {
    let load = "arrivals.poisson = \"0.5/s\"\ndiurnal = { swing = \"60%\", peak = \"14:00\" }";
    let runs = arrivals_by_hour(load);
    for hour in 0..48_usize {
        let counts: Vec<f64> = runs.iter().map(|run| run[hour]).collect();
        let (mean, error) = mean_and_error(&counts);
        let turn = (hour as f64 + 0.5 - 14.0) / 24.0 * std::f64::consts::TAU;
        let expected = 1800.0 * (1.0 + 0.6 * turn.cos());
        // The curve is made of straight pieces of ten minutes; that takes off less than half a percent.
        assert!((mean - expected).abs() < 4.5 * error + 0.005 * expected, "hour {hour}: {mean} {expected}");
    }
}

/// The counts of a renewal process vary by the squared variation of its gaps (asymptotically).
#[test]
fn gamma_arrivals_come_in_bursts_as_their_variation_says() {
    let runs = arrivals_by_hour("arrivals.gamma = { rate = \"0.5/s\", variation = \"300%\" }");
    let counts: Vec<f64> = runs.into_iter().flatten().collect();
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (counts.len() - 1) as f64;
    assert!((mean / 1800.0 - 1.0).abs() < 0.02, "{mean}");
    // A variance of 1152 counts has a standard error of about 4 %.
    assert!((variance / mean / 9.0 - 1.0).abs() < 0.2, "{}", variance / mean);
}
