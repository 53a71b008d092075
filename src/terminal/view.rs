//! The picture of a screen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use crate::gameday::{Board, GateBoard, IncidentNow, StepBoard};
use crate::report::safe::text;
use crate::terminal::screen::{Mode, Purpose, Screen, Standing};

const GOOD: Style = Style::new().fg(Color::Green);
const BAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
const NOW: Style = Style::new().fg(Color::Yellow);
const SOFT: Style = Style::new().add_modifier(Modifier::DIM);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

/// From how many columns on three panels stand side by side.
const WIDE: u16 = 116;

/// Draws the screen; a window that is too small shows what fits.
pub(super) fn draw(screen: &Screen, frame: &mut Frame<'_>) {
    let (all, is_wide) = (frame.area(), frame.area().width >= WIDE);
    let [head, body, answer, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(2),
    ])
    .areas(all);
    frame.render_widget(Paragraph::new(self::head(screen)), head);
    frame.render_widget(Paragraph::new(self::answer(screen)), answer);
    frame.render_widget(Paragraph::new(self::keys(screen)).wrap(Wrap { trim: true }), keys);
    let Some(board) = &screen.board else { return };
    let (targets, impact, alerts) = (targets(board), impact(board), alerts(board));
    let beside =
        targets.len().max(impact.len()).max(if is_wide { alerts.len().min(8) } else { 0 }) as u16 + 2;
    // Where there is not room for everything, the steps are what matters.
    let rest = body.height.saturating_sub(beside);
    let below = if is_wide || rest < 9 { 0 } else { alerts.len().min(4) as u16 + 2 };
    let rest = rest - below;
    let told = if rest < 8 { 0 } else { (rest / 4).max(4) };
    let [state, fires, steps, told] = Layout::vertical([
        Constraint::Length(beside),
        Constraint::Length(below),
        Constraint::Fill(1),
        Constraint::Length(told),
    ])
    .areas(body);
    let [clocks, harm, third] =
        Layout::horizontal([Constraint::Length(36), Constraint::Length(44), Constraint::Fill(1)])
            .areas(state);
    panel(frame, clocks, "Targets", targets);
    panel(frame, harm, "Impact", impact);
    let alerts = Paragraph::new(alerts).wrap(Wrap { trim: true });
    frame.render_widget(
        alerts.block(Block::bordered().title("Alerts and injects")),
        if is_wide { third } else { fires },
    );
    let (lines, at) = incidents(screen, board);
    // The step that is selected is always to be seen.
    let from = (at + 1).saturating_sub(room(steps));
    panel(frame, steps, "Runbooks", lines.into_iter().skip(from).collect());
    let lines = self::told(board);
    let from = lines.len().saturating_sub(room(told));
    panel(frame, told, "What has happened", lines.into_iter().skip(from).collect());
}

/// Returns how many lines a panel has inside.
fn room(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(2))
}

fn panel(frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<Line<'_>>) {
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title)), area);
}

fn head(screen: &Screen) -> Line<'static> {
    let standing = match screen.standing {
        Standing::Live => Span::styled("live", GOOD),
        Standing::Lost => Span::styled("no connection; trying again", BAD),
        Standing::Refused => Span::styled("this link is another drill's", BAD),
        Standing::Over => Span::styled("the drill is over", BOLD),
    };
    // What comes last is cut off first.
    let mut line = Line::from(vec![standing, Span::raw(format!("  you are {}", screen.role.word()))]);
    if let Some(board) = &screen.board {
        let pace = if board.pace > 1 { format!(" at {} times the clock", board.pace) } else { String::new() };
        line.push_span(format!("  {}", text(&board.phase)));
        line.push_span(format!("  {} of {}{pace}  ", clock(board.at_s), clock(board.end_s)));
        line.push_span(Span::styled(text(&board.title), BOLD));
    }
    line
}

fn targets(board: &Board) -> Vec<Line<'static>> {
    let line = |of: &crate::gameday::Clock| {
        let style = match of.state.as_ref() {
            "met" => GOOD,
            "over" | "missed" => BAD,
            "running" => NOW,
            _ => SOFT,
        };
        let taken = of.taken_s.map_or_else(|| "-".into(), clock);
        let limit = of.limit_s.map_or_else(|| "-".into(), clock);
        Line::from(vec![
            Span::raw(format!("{:11}{taken:>6} of {limit:<6}", text(&of.name))),
            Span::styled(text(&of.state), style),
        ])
    };
    if board.targets.is_empty() {
        return vec![Line::styled("nothing is known yet", SOFT)];
    }
    board.targets.iter().map(line).collect()
}

fn impact(board: &Board) -> Vec<Line<'static>> {
    let line = |of: &crate::gameday::TierNow| {
        let (done, bad) = (of.minute_done, of.minute_bad);
        let style = if bad * 20 > done { BAD } else { Style::new() };
        Line::from(vec![
            Span::raw(format!("{:10}{:>8}{:>9}", text(&of.tier), of.bad, of.arrived)),
            Span::styled(format!("{bad:>14}"), style),
        ])
    };
    let mut lines =
        vec![Line::styled(format!("{:10}{:>8}{:>9}{:>14}", "", "bad", "of", "last minute"), SOFT)];
    lines.extend(board.tiers.iter().map(line));
    lines.push(Line::raw(format!(
        "{} in flight  ${:.2}  ${:.2} a minute",
        board.in_flight, board.usd, board.usd_per_minute
    )));
    lines
}

fn alerts(board: &Board) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for alert in &board.alerts {
        let runbook = alert.runbook.as_ref().map_or_else(String::new, |of| format!(", runbook {}", text(of)));
        let (severity, name) = (text(&alert.severity), text(&alert.name));
        lines.push(Line::styled(format!("{severity} {name} since {}{runbook}", clock(alert.since_s)), BAD));
    }
    if lines.is_empty() {
        lines.push(Line::styled("no alert fires", SOFT));
    }
    for fault in board.faults.iter().flatten() {
        let now = if fault.is_active { "is there" } else { "is not there" };
        let met = if fault.is_witnessed { ", has been met" } else { "" };
        let times = format!("{} to {}", clock(fault.start_s), clock(fault.end_s));
        lines.push(Line::raw(format!("{} on {} {now}{met}, {times}", text(&fault.id), text(&fault.mock))));
    }
    lines
}

/// Returns the lines of the runbooks, and which of them is selected.
fn incidents(screen: &Screen, board: &Board) -> (Vec<Line<'static>>, usize) {
    let mut lines: Vec<Line<'_>> = board.gates.iter().map(gate).collect();
    let mut selected = 0;
    for incident in &board.incidents {
        lines.push(title(incident));
        for step in &incident.steps {
            let is_selected = screen.selected == Some((incident.number, step.number));
            if is_selected {
                selected = lines.len();
            }
            lines.push(self::step(step, is_selected, board.at_s));
        }
    }
    if lines.is_empty() {
        lines.push(Line::styled("nothing is to be done", SOFT));
    }
    (lines, selected)
}

fn gate(of: &GateBoard) -> Line<'static> {
    let asked = format!("gate of {}: {} is asked", text(&of.name), text(&of.owner));
    let seen = format!("  {} of {} that it waits for are observed", of.seen, of.all);
    Line::from(vec![Span::styled(asked, NOW), Span::raw(seen)])
}

fn title(incident: &IncidentNow) -> Line<'static> {
    let owned = match (incident.is_paging, incident.is_owned) {
        (true, _) => Span::styled("  somebody is paged: press a", BAD),
        (false, false) => Span::styled("  nobody owns it yet", NOW),
        (false, true) => Span::raw(""),
    };
    let recovery = format!("  over when {}", text(&incident.recovery));
    Line::from(vec![Span::styled(text(&incident.runbook), BOLD), owned, Span::styled(recovery, SOFT)])
}

fn step(of: &StepBoard, is_selected: bool, now: f64) -> Line<'static> {
    let (word, style) = match of.state.as_ref() {
        "open" => ("to do", Style::new()),
        "paged" => ("paged", NOW),
        "watching" => ("waits for its condition", NOW),
        "doing" => ("now", NOW),
        "thawing" => ("under way", NOW),
        "observing" => ("done, watching the effect", GOOD),
        "done" => ("done", GOOD),
        "skipped" => ("skipped", SOFT),
        _ => ("", SOFT),
    };
    let left = match of.until_s {
        _ if of.is_late => ", late".to_owned(),
        Some(until) => format!(", {} left", clock(until - now)),
        None => String::new(),
    };
    let mark = if is_selected { "▶" } else { " " };
    let told = format!("{mark} {}. {:14} ", of.number + 1, text(&of.id));
    Line::from(vec![
        Span::styled(told, if is_selected { BOLD } else { Style::new() }),
        Span::styled(format!("{word}{left}"), if of.is_late { BAD } else { style }),
        Span::styled(format!("  {}, {}", text(&of.does), text(&of.owner)), SOFT),
    ])
}

/// Returns notes and journal together, the newest last.
fn told(board: &Board) -> Vec<Line<'static>> {
    let note = |of: &crate::gameday::Note| (of.at_s, format!("{}: {}", of.role, of.text));
    let entry = |of: &crate::report::result::JournalLine| {
        let parts = [&of.of, &of.step, &of.owner, &of.detail].into_iter().flatten();
        (
            of.at_s,
            std::iter::once(of.event.as_ref())
                .chain(parts.map(String::as_str))
                .collect::<Vec<_>>()
                .join(", "),
        )
    };
    let mut all: Vec<(f64, String)> =
        board.notes.iter().map(note).chain(board.journal.iter().map(entry)).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    all.iter().map(|(at, told)| Line::raw(format!("{:>7}  {}", clock(*at), text(told)))).collect()
}

fn answer(screen: &Screen) -> Line<'static> {
    match &screen.mode {
        Mode::Look => Line::styled(text(&screen.said), BOLD),
        Mode::Write(purpose, written) => {
            let what = match purpose {
                Purpose::Note => "note: ",
                Purpose::Skip(..) => "why is it skipped? ",
                Purpose::TakeBack(..) => "why is the rollout taken back? ",
                Purpose::Stop => "why is the drill stopped? every fault is lifted: ",
            };
            Line::from(vec![Span::styled(what, NOW), Span::raw(format!("{}▏", text(written)))])
        }
        Mode::Choose(at) => {
            let pages = screen.board.as_ref().map_or(&[][..], |board| &board.pages[..]);
            let of = pages.get(*at).map(|name| text(name)).unwrap_or_default();
            Line::from(vec![Span::styled("alert: ", NOW), Span::raw(of)])
        }
    }
}

fn keys(screen: &Screen) -> Line<'static> {
    let pairs = screen.keys().into_iter();
    // A key stays on the line of what it does.
    let spans = pairs.flat_map(|(key, does)| {
        [Span::styled(key, BOLD), Span::raw(format!("\u{a0}{}  ", does.replace(' ', "\u{a0}")))]
    });
    Line::from(spans.collect::<Vec<_>>())
}

/// Returns a time as minutes and seconds.
fn clock(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let all = seconds.abs() as u64;
    let (hours, minutes, rest) = (all / 3_600, all / 60 % 60, all % 60);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{sign}{minutes}:{rest:02}")
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::KeyCode;

    use super::*;
    use crate::gameday::Role;
    use crate::terminal::screen::tests::board;

    fn shown(screen: &Screen, (width, height): (u16, u16)) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(screen, frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_screen_shows_the_clocks_the_impact_and_the_step_that_is_next() {
        let mut screen = Screen::new(Role::Commander);
        screen.show(board());
        insta::assert_snapshot!(shown(&screen, (118, 24)));
    }

    #[test]
    fn a_small_window_shows_what_fits_and_nothing_in_a_text_acts() {
        let mut screen = Screen::new(Role::Responder);
        assert!(shown(&screen, (80, 24)).contains("no connection"));
        screen.show(board());
        for size in [(1, 1), (10, 3), (80, 12), (80, 24), (200, 60)] {
            let text = shown(&screen, size);
            assert!(!text.contains('\u{1b}'), "{text}");
        }
        let small = shown(&screen, (80, 16));
        assert!(small.contains("▶ 2. degrade"), "what is selected is seen: {small}");
        assert_eq!(screen.press(KeyCode::Char('x').into()), crate::terminal::screen::Wish::Nothing);
        assert!(shown(&screen, (80, 24)).contains("why is it skipped?"));
    }

    #[test]
    fn a_time_is_said_in_minutes_and_hours_once_there_are_some() {
        assert_eq!(
            [clock(0.9), clock(61.0), clock(-5.2), clock(3_725.0)],
            ["0:00", "1:01", "-0:05", "1:02:05"]
        );
    }
}
