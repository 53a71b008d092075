//! A shared state: versioned objects that agents read and update, with snapshots to go back to.

use crate::base::{Span, Time};

/// One object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Object {
    /// How often it has been updated.
    pub version: u32,
    /// The spread that has distorted it, if one has.
    pub distorted_by: Option<u32>,
}

/// All objects at a moment.
#[derive(Debug, Clone)]
struct Snapshot {
    at: Time,
    objects: Vec<Object>,
}

/// Versioned objects, each as it is and as it was before its last update.
#[derive(Debug, Clone)]
pub struct SharedState {
    now: Vec<Object>,
    before: Vec<Object>,
    snapshots: Vec<Snapshot>,
    /// The snapshot from which reads are served, if they are.
    pinned: Option<usize>,
}

/// How often a snapshot is taken, and how many are kept.
pub const SNAPSHOT_EVERY: Span = Span::from_secs(60);
const SNAPSHOTS_MAX: usize = 240;

impl SharedState {
    /// Returns so many objects, none distorted.
    pub fn new(objects: u32) -> Self {
        let now = vec![Object::default(); objects as usize];
        Self { before: now.clone(), now, snapshots: Vec::new(), pinned: None }
    }

    /// Returns how many objects there are.
    pub fn objects(&self) -> u32 {
        self.now.len() as u32
    }

    /// Returns an object as it is, or as it is served while a snapshot is pinned.
    pub fn read(&self, object: u32) -> Object {
        let current = self.now[object as usize];
        let Some(snapshot) = self.pinned.map(|index| &self.snapshots[index]) else { return current };
        // The pinned content under the current version: updates made on it are based on something.
        Object { version: current.version, ..snapshot.objects[object as usize] }
    }

    /// Returns an object as it was before its last update.
    pub fn read_old(&self, object: u32) -> Object {
        self.before[object as usize]
    }

    /// Updates an object; whether it is distorted from now on is the caller's to say.
    pub fn update(&mut self, object: u32, distorted_by: Option<u32>) {
        let slot = &mut self.now[object as usize];
        self.before[object as usize] = *slot;
        *slot = Object { version: slot.version.wrapping_add(1), distorted_by };
    }

    /// Takes a snapshot if the last one is old enough. Called before every update, so that each
    /// snapshot is what the state was since then.
    pub fn snapshot_if_due(&mut self, now: Time) {
        let is_due = self.snapshots.last().is_none_or(|last| now.since(last.at) >= SNAPSHOT_EVERY);
        if is_due {
            self.snapshot(now);
        }
    }

    /// Takes a snapshot, and forgets the oldest if there are too many.
    fn snapshot(&mut self, now: Time) {
        if self.snapshots.len() >= SNAPSHOTS_MAX && self.pinned.is_none() {
            self.snapshots.remove(0);
        }
        if self.snapshots.len() < SNAPSHOTS_MAX {
            self.snapshots.push(Snapshot { at: now, objects: self.now.clone() });
        }
    }

    /// Serves reads from the last snapshot taken at `at` or before; returns whether there is one.
    pub fn pin(&mut self, at: Time) -> bool {
        self.pinned = self.snapshots.iter().rposition(|snapshot| snapshot.at <= at);
        self.pinned.is_some()
    }

    /// Serves reads as they are.
    pub fn unpin(&mut self) {
        self.pinned = None;
    }

    /// Returns whether reads are served from a snapshot.
    pub fn is_pinned(&self) -> bool {
        self.pinned.is_some()
    }

    /// Puts distorted objects back to the pinned snapshot; returns how many.
    pub fn put_back(&mut self) -> u32 {
        let Some(snapshot) = self.pinned.map(|index| &self.snapshots[index]) else { return 0 };
        let mut put_back = 0;
        for (object, good) in self.now.iter_mut().zip(&snapshot.objects) {
            if object.distorted_by.is_some() {
                *object = Object { version: object.version.wrapping_add(1), ..*good };
                put_back += 1;
            }
        }
        put_back
    }

    /// Returns the spreads that distort objects now.
    pub fn distorted(&self) -> impl Iterator<Item = u32> {
        self.now.iter().filter_map(|object| object.distorted_by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_snapshot_serves_what_was_good_and_puts_it_back() {
        let mut state = SharedState::new(2);
        state.update(0, None);
        state.snapshot(Time(60));
        state.update(0, Some(7));
        state.snapshot(Time(120));
        assert_eq!(state.read(0), Object { version: 2, distorted_by: Some(7) });
        assert_eq!(state.read_old(0), Object { version: 1, distorted_by: None });
        assert!(!state.pin(Time(59)), "there was none so early");
        assert!(state.pin(Time(119)));
        assert_eq!(state.read(0), Object { version: 2, distorted_by: None });
        assert_eq!(state.put_back(), 1);
        state.unpin();
        assert_eq!(state.distorted().count(), 0);
        assert_eq!(state.read(0).version, 3);
    }
}
