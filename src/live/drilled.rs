//! Requests of a drill's own agents: what a header says of each.
//!
//! With the header a request has the draws that it has in virtual time, and its long context need not be sent. Only
//! mocks that are part of a drill read it.

use crate::base::{Key, Time};
use crate::model::Use;
use crate::model::overlay::Caller;

/// How the name of a task begins, before sixteen digits of hexadecimal.
const TASK: &str = "task-";

/// Returns the name of a task, as it is posted to agents that are somebody else's.
pub(crate) fn task_name(task: u64) -> String {
    format!("{TASK}{task:016x}")
}

/// The most tasks that one call may name.
const TASKS_MAX: usize = 16;

/// Returns the tasks that a text names.
pub(crate) fn tasks_in(text: &[u8]) -> Vec<u64> {
    let named = memchr::memmem::find_iter(text, TASK.as_bytes()).filter_map(|at| {
        let digits = text.get(at + TASK.len()..at + TASK.len() + 16)?;
        let digits = std::str::from_utf8(digits).ok()?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16).ok())?
    });
    named.take(TASKS_MAX).collect()
}

/// The header.
pub(crate) const HEADER: &str = "x-stormdrill-call";

/// What a request of a drill's own agents says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stated {
    /// Its number in the drill.
    pub(crate) serial: u32,
    /// Who calls.
    pub(crate) caller: Caller,
    /// The stream of the call whose attempt it is.
    pub(crate) call: Key,
    /// Tokens in, of them sent before, and out.
    pub(crate) tokens: [u32; 3],
    /// What its reply is for.
    pub(crate) purpose: Use,
    /// Whether it changes the world, whatever the tool says of itself.
    pub(crate) has_effect: bool,
    /// A person has approved that.
    pub(crate) is_approved: bool,
    /// Since when its credential is valid.
    pub(crate) credential: Time,
}

impl Stated {
    /// Returns it as the header has it.
    pub(crate) fn text(&self) -> String {
        let Caller { attempt, task, instance, tenant } = self.caller;
        let of = &self.purpose;
        let flags = [
            of.is_task,
            of.has_history,
            of.is_message,
            of.is_read,
            of.is_verifier,
            self.has_effect,
            self.is_approved,
        ];
        let bits = flags.iter().enumerate().fold(0, |bits, (bit, flag)| bits | u8::from(*flag) << bit);
        let [input, cached, output] = self.tokens;
        format!(
            "{:x}.{:x}.{:x}.{instance:x}.{tenant:x}.{:x}.{input:x}.{cached:x}.{output:x}.{bits:x}.{:x}",
            self.serial,
            attempt.number(),
            task.number(),
            self.call.number(),
            self.credential.0
        )
    }

    /// Reads it; nothing if it is not one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|part| u64::from_str_radix(part, 16).ok());
        let mut next = || numbers.next().flatten();
        let serial = u32::try_from(next()?).ok()?;
        let caller = Caller {
            attempt: Key::of_number(next()?),
            task: Key::of_number(next()?),
            instance: next()?,
            tenant: next()?,
        };
        let call = Key::of_number(next()?);
        let mut tokens = [0; 3];
        for of in &mut tokens {
            *of = u32::try_from(next()?).ok()?;
        }
        let bits = next()?;
        let flag = |bit: u32| bits >> bit & 1 == 1;
        let purpose = Use {
            is_task: flag(0),
            has_history: flag(1),
            is_message: flag(2),
            is_read: flag(3),
            is_verifier: flag(4),
        };
        let credential = Time(next()?);
        Some(Self {
            serial,
            caller,
            call,
            tokens,
            purpose,
            has_effect: flag(5),
            is_approved: flag(6),
            credential,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_known_by_its_name() {
        let (one, other) = (task_name(0xab12), task_name(7));
        assert_eq!(
            tasks_in(format!("{{\"order\": \"task-x {one}\", \"old\": \"{other}\"}}").as_bytes()),
            [0xab12, 7]
        );
        assert!(tasks_in(b"task-12 task-+123456789abcdef task-0000000000000").is_empty());
    }

    #[test]
    fn the_header_says_all_of_it() {
        let stated = Stated {
            serial: 77,
            caller: Caller { attempt: Key::of_seed(1), task: Key::of_seed(2), instance: 3, tenant: 4 },
            call: Key::of_seed(5),
            tokens: [900, 200, 180],
            purpose: Use { is_task: true, is_message: true, ..Use::default() },
            has_effect: true,
            is_approved: false,
            credential: Time(6),
        };
        let read = Stated::read(&stated.text()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{stated:?}"));
        for text in ["", "1.2", "x", "1.2.3.4.5.6.7.8.9.a", &"f".repeat(400)] {
            assert!(Stated::read(text).is_none(), "{text}");
        }
    }
}
