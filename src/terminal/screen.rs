//! What the screen shows and what keys do: a machine without a terminal.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::gameday::{Board, Command, IncidentNow, Role, StepBoard};

/// The longest text that somebody writes.
const TEXT_MAX: usize = 500;

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// States come.
    Live,
    /// It is tried again.
    Lost,
    /// The drill has other keys.
    Refused,
    /// The drill is over.
    Over,
}

/// What a key asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing, beside what is shown.
    Nothing,
    /// To do something in the drill.
    Act(Command),
    /// To leave the console; the drill goes on.
    Leave,
}

/// What is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A note.
    Note,
    /// Why a step, of a runbook, is skipped.
    Skip(usize, usize),
    /// Why a rollout, at a step, is taken back.
    TakeBack(usize, usize),
    /// Why the drill is stopped.
    Stop,
}

/// What the keys are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// Looking, and acting with one key.
    Look,
    /// Writing a text.
    Write(Purpose, String),
    /// Choosing the alert that has paged somebody, or has resolved: the place among all.
    Choose(usize),
}

/// What is shown.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) role: Role,
    pub(super) board: Option<Board>,
    pub(super) standing: Standing,
    pub(super) mode: Mode,
    /// The step that is selected, and its runbook: whatever else comes or goes, it stays.
    pub(super) selected: Option<(usize, usize)>,
    /// What was answered last.
    pub(super) said: String,
}

impl Screen {
    /// Returns an empty screen of somebody.
    pub(super) fn new(role: Role) -> Self {
        let said = String::new();
        Self { role, board: None, standing: Standing::Lost, mode: Mode::Look, selected: None, said }
    }

    /// Shows a state.
    pub(super) fn show(&mut self, board: Board) {
        self.standing = Standing::Live;
        self.board = Some(board);
        let is_there = self.steps().any(|step| Some(numbers(step)) == self.selected);
        if !is_there {
            // Whoever is paged finds the first step that there is to do.
            let open = self.steps().find(|(_, step)| step.is_real && is_open(step));
            let first = open.or(self.steps().next()).map(numbers);
            self.selected = first;
        }
    }

    /// Returns all steps, each with its runbook.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&IncidentNow, &StepBoard)> {
        let incidents = self.board.iter().flat_map(|board| &board.incidents);
        incidents.flat_map(|incident| incident.steps.iter().map(move |step| (incident, step)))
    }

    /// Returns the keys that do something now, with what they do.
    pub(super) fn keys(&self) -> Vec<(&'static str, &'static str)> {
        match &self.mode {
            Mode::Write(..) => return vec![("enter", "send"), ("esc", "back")],
            Mode::Choose(_) => {
                return vec![
                    ("↑↓", "alert"),
                    ("enter", "has paged me"),
                    ("r", "has resolved"),
                    ("esc", "back"),
                ];
            }
            Mode::Look => {}
        }
        let (runbook, step, reason) = (0, 0, String::new());
        let all = [
            ("a", "acknowledge", Command::Acknowledge { runbook }),
            ("s", "start", Command::Start { runbook, step }),
            ("d", "done", Command::Done { runbook, step }),
            ("x", "skip", Command::Skip { runbook, step, reason: String::new() }),
            ("n", "note", Command::Note { text: String::new() }),
            ("c", "contained", Command::DeclareContained),
            ("r", "recovered", Command::DeclareRecovered { runbook }),
            ("S", "stop", Command::Stop { reason }),
        ];
        let own = all.iter().filter(|(.., of)| self.role.may(of)).map(|(key, does, _)| (*key, *does));
        let mut keys: Vec<_> = std::iter::once(("q", "leave")).chain(own).collect();
        let is_told = self.board.as_ref().is_some_and(|board| !board.pages.is_empty());
        if is_told && self.role.may(&Command::Paged { alert: String::new() }) {
            keys.push(("p", "paged"));
        }
        let is_asked = self.board.as_ref().is_some_and(|board| !board.gates.is_empty());
        if is_asked && self.role.may(&Command::Pass { rollout: 0, step: 0 }) {
            keys.extend([("g", "pass gate"), ("b", "take back")]);
        }
        keys.push(("↑↓", "step"));
        keys
    }

    /// Takes a key.
    pub(super) fn press(&mut self, key: KeyEvent) -> Wish {
        if key.kind == KeyEventKind::Release {
            return Wish::Nothing;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if key.code == KeyCode::Char('c') { Wish::Leave } else { Wish::Nothing };
        }
        match std::mem::replace(&mut self.mode, Mode::Look) {
            Mode::Look => self.look(key.code),
            Mode::Write(purpose, text) => self.write(purpose, text, key.code),
            Mode::Choose(at) => self.choose(at, key.code),
        }
    }

    fn look(&mut self, code: KeyCode) -> Wish {
        let KeyCode::Char(letter) = code else {
            if code == KeyCode::Up || code == KeyCode::Down {
                self.select(code == KeyCode::Down);
            }
            return Wish::Nothing;
        };
        if letter == 'q' {
            return Wish::Leave;
        }
        // A key does something only where it is offered.
        if !self.keys().iter().any(|(key, _)| key.chars().eq([letter])) {
            return Wish::Nothing;
        }
        let at = self.selected;
        let paging = self.board.iter().flat_map(|board| &board.incidents).find(|incident| incident.is_paging);
        let paged = paging.map(|incident| incident.number).or(at.map(|(runbook, _)| runbook));
        let gate =
            self.board.iter().flat_map(|board| &board.gates).map(|gate| (gate.rollout, gate.step)).next();
        let command = match (letter, at) {
            ('n', _) => return self.begin(Purpose::Note),
            ('S', _) => return self.begin(Purpose::Stop),
            ('x', Some((runbook, step))) => return self.begin(Purpose::Skip(runbook, step)),
            ('b', _) => {
                return gate
                    .map_or(Wish::Nothing, |(rollout, step)| self.begin(Purpose::TakeBack(rollout, step)));
            }
            ('p', _) => {
                self.mode = Mode::Choose(0);
                return Wish::Nothing;
            }
            ('a', _) => paged.map(|runbook| Command::Acknowledge { runbook }),
            ('g', _) => gate.map(|(rollout, step)| Command::Pass { rollout, step }),
            ('c', _) => Some(Command::DeclareContained),
            ('r', _) => at.map(|(runbook, _)| Command::DeclareRecovered { runbook }),
            ('s', _) => at.map(|(runbook, step)| Command::Start { runbook, step }),
            ('d', _) => at.map(|(runbook, step)| Command::Done { runbook, step }),
            (_, _) => None,
        };
        let Some(command) = command else {
            self.said = "No runbook is being done.".into();
            return Wish::Nothing;
        };
        Wish::Act(command)
    }

    /// Selects the next step, or the one before.
    fn select(&mut self, is_next: bool) {
        let all: Vec<(usize, usize)> = self.steps().map(numbers).collect();
        let place = all.iter().position(|of| Some(*of) == self.selected).unwrap_or(0);
        let wanted = if is_next { place + 1 } else { place.saturating_sub(1) };
        self.selected = all.get(wanted).or(all.last()).copied();
    }

    fn begin(&mut self, purpose: Purpose) -> Wish {
        self.mode = Mode::Write(purpose, String::new());
        Wish::Nothing
    }

    fn write(&mut self, purpose: Purpose, mut text: String, code: KeyCode) -> Wish {
        if code == KeyCode::Esc {
            return Wish::Nothing;
        }
        if code == KeyCode::Enter && !text.trim().is_empty() {
            return Wish::Act(match purpose {
                Purpose::Note => Command::Note { text },
                Purpose::Skip(runbook, step) => Command::Skip { runbook, step, reason: text },
                Purpose::TakeBack(rollout, step) => Command::TakeBack { rollout, step, reason: text },
                Purpose::Stop => Command::Stop { reason: text },
            });
        }
        if code == KeyCode::Backspace {
            let _last: Option<char> = text.pop();
        } else if let KeyCode::Char(letter) = code
            && text.chars().count() < TEXT_MAX
        {
            text.push(letter);
        }
        self.mode = Mode::Write(purpose, text);
        Wish::Nothing
    }

    fn choose(&mut self, at: usize, code: KeyCode) -> Wish {
        let pages = self.board.as_ref().map_or(&[][..], |board| &board.pages[..]);
        let alert = pages.get(at).cloned();
        match (code, alert) {
            (KeyCode::Enter, Some(alert)) => return Wish::Act(Command::Paged { alert }),
            (KeyCode::Char('r'), Some(alert)) => return Wish::Act(Command::Resolved { alert }),
            (KeyCode::Esc, _) | (_, None) => return Wish::Nothing,
            (KeyCode::Up, _) => self.mode = Mode::Choose(at.saturating_sub(1)),
            (KeyCode::Down, _) => self.mode = Mode::Choose((at + 1).min(pages.len() - 1)),
            (_, Some(_)) => self.mode = Mode::Choose(at),
        }
        Wish::Nothing
    }
}

/// Returns the numbers of a runbook and a step of it.
fn numbers((incident, step): (&IncidentNow, &StepBoard)) -> (usize, usize) {
    (incident.number, step.number)
}

/// Whether there is something to do about a step.
pub(super) fn is_open(step: &StepBoard) -> bool {
    !matches!(step.state.as_ref(), "done" | "skipped" | "observing" | "thawing")
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A drill in which somebody is paged.
    pub(in crate::terminal) fn board() -> Board {
        let step = |number: usize, id: &str, does: &str, state: &str| {
            json!({ "number": number, "id": id, "does": does, "owner": "on-call", "state": state,
                    "until_s": if state == "doing" { json!(400.0) } else { json!(null) }, "is_real": true, "is_late": false })
        };
        let board = json!({
            "title": "Search goes down", "at_s": 215.4, "end_s": 600.0, "pace": 20, "phase": "acknowledge",
            "targets": [
                { "name": "detect", "limit_s": 120.0, "taken_s": 21.0, "state": "met" },
                { "name": "acknowledge", "limit_s": 30.0, "taken_s": 35.4, "state": "over" },
                { "name": "contain", "limit_s": 120.0, "taken_s": 35.4, "state": "running" },
            ],
            "tiers": [
                { "tier": "critical", "arrived": 430, "done": 380, "bad": 48, "minute_done": 60, "minute_bad": 58 },
                { "tier": "standard", "arrived": 428, "done": 390, "bad": 36, "minute_done": 110, "minute_bad": 2 },
            ],
            "in_flight": 2, "usd": 1.204, "usd_per_minute": 0.31,
            "alerts": [{ "name": "Failing", "severity": "sev2", "since_s": 201.0, "runbook": "mend" }],
            "pages": ["Failing", "Slow"],
            "incidents": [{
                "runbook": "mend", "number": 0, "opened_s": 201.0, "is_owned": false, "is_paging": true,
                "recovery": "success holds for 1m",
                "steps": [
                    step(0, "own", "acknowledge the page", "done"),
                    step(1, "degrade", "send search's calls to cache", "doing"),
                    step(2, "restore", "undo degrade", "open"),
                ],
            }],
            "gates": [{ "rollout": 0, "step": 3, "name": "new-model", "owner": "release", "seen": 1, "all": 2 }],
            "faults": [{ "id": "search-down", "mock": "search", "start_s": 180.0, "end_s": 420.0, "is_witnessed": true, "is_active": true }],
            "journal": [{ "at_s": 201.0, "event": "alert-firing", "of": "Failing" }],
            "notes": [{ "at_s": 210.0, "role": "scribe", "text": "search \u{1b}[31mis down" }],
            "is_over": false,
        });
        serde_json::from_value(board).unwrap()
    }

    fn screen(role: Role) -> Screen {
        let mut screen = Screen::new(role);
        screen.show(board());
        screen
    }

    fn press(screen: &mut Screen, keys: &str) -> Wish {
        let mut wish = Wish::Nothing;
        for key in keys.chars() {
            let code = match key {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                '\u{8}' => KeyCode::Backspace,
                '↓' => KeyCode::Down,
                '↑' => KeyCode::Up,
                letter => KeyCode::Char(letter),
            };
            wish = screen.press(code.into());
        }
        wish
    }

    #[test]
    fn keys_do_what_their_letters_say_to_the_step_that_is_selected() {
        let mut screen = screen(Role::Commander);
        assert_eq!(press(&mut screen, "a"), Wish::Act(Command::Acknowledge { runbook: 0 }));
        assert_eq!(
            press(&mut screen, "d"),
            Wish::Act(Command::Done { runbook: 0, step: 1 }),
            "the first that is open"
        );
        assert_eq!(
            press(&mut screen, "↓↓↓s"),
            Wish::Act(Command::Start { runbook: 0, step: 2 }),
            "and no further"
        );
        assert_eq!(press(&mut screen, "↑↑↑↑d"), Wish::Act(Command::Done { runbook: 0, step: 0 }));
        assert_eq!(press(&mut screen, "c"), Wish::Act(Command::DeclareContained));
        assert_eq!(press(&mut screen, "r"), Wish::Act(Command::DeclareRecovered { runbook: 0 }));
        assert_eq!(press(&mut screen, "g"), Wish::Act(Command::Pass { rollout: 0, step: 3 }));
        let back = Command::TakeBack { rollout: 0, step: 3, reason: "worse".into() };
        assert_eq!(press(&mut screen, "bworse\n"), Wish::Act(back));
        assert_eq!(press(&mut screen, "q"), Wish::Leave);
    }

    #[test]
    fn what_is_selected_stays_whatever_comes_before_it() {
        let mut screen = screen(Role::Commander);
        let mut other = board();
        let mut first = other.incidents[0].clone();
        (first.number, other.incidents[0].number) = (1, 1);
        first.number = 0;
        other.incidents.insert(0, first);
        screen.selected = Some((1, 2));
        screen.show(other);
        assert_eq!(press(&mut screen, "d"), Wish::Act(Command::Done { runbook: 1, step: 2 }));
        screen.show(board());
        assert_eq!(screen.selected, Some((0, 1)), "what is gone is not selected");
    }

    #[test]
    fn texts_are_written_until_they_are_sent_or_dropped() {
        let mut screen = screen(Role::Commander);
        assert_eq!(press(&mut screen, "n\n"), Wish::Nothing, "an empty note is none");
        assert_eq!(press(&mut screen, "quiert\u{8}\n"), Wish::Act(Command::Note { text: "quier".into() }));
        assert_eq!(press(&mut screen, "Sno\u{1b}"), Wish::Nothing, "nothing is stopped by chance");
        assert_eq!(screen.mode, Mode::Look);
        assert_eq!(press(&mut screen, "Senough\n"), Wish::Act(Command::Stop { reason: "enough".into() }));
        let skipped = Command::Skip { runbook: 0, step: 1, reason: "back".into() };
        assert_eq!(press(&mut screen, "xback\n"), Wish::Act(skipped));
        assert_eq!(press(&mut screen, "p↓↓\n"), Wish::Act(Command::Paged { alert: "Slow".into() }));
        assert_eq!(press(&mut screen, "pr"), Wish::Act(Command::Resolved { alert: "Failing".into() }));
    }

    #[test]
    fn whoever_looks_on_is_offered_nothing_and_does_nothing() {
        let mut looking = screen(Role::Observer);
        assert_eq!(looking.keys(), [("q", "leave"), ("↑↓", "step")]);
        for key in ["a", "s", "d", "x", "n", "c", "r", "S", "p"] {
            assert_eq!(press(&mut looking, key), Wish::Nothing, "{key}");
            assert_eq!(looking.mode, Mode::Look, "{key}");
        }
        let mut scribe = screen(Role::Scribe);
        assert_eq!(press(&mut scribe, "d"), Wish::Nothing);
        assert_eq!(press(&mut scribe, "na\n"), Wish::Act(Command::Note { text: "a".into() }));
        let mut empty = Screen::new(Role::Commander);
        assert_eq!(press(&mut empty, "d"), Wish::Nothing);
        assert_eq!(empty.said, "No runbook is being done.");
    }
}
