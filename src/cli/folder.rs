//! The folder in which results are kept, with a page that leads to each of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::report::index::{self, PastRun};
use crate::report::views::{View, only};
use crate::report::{WholeResult, saved};

/// The most past runs that the index shows.
const SHOWN_MAX: usize = 500;

/// Keeps a result in every form in a new folder below `root`, and makes the index anew; returns the folder.
pub(super) fn keep(root: &Path, result: &WholeResult) -> Result<PathBuf, io::Error> {
    let folder = new_folder(root, result)?;
    for (view, name) in View::FILES {
        if view == View::Chaos && result.drills.len() != 1 {
            for index in 0..result.drills.len() {
                let text = view.render(&only(result, index)).map_err(io::Error::other)?;
                fs::write(folder.join(format!("chaos-{}.json", index + 1)), text)?;
            }
            continue;
        }
        fs::write(folder.join(name), view.render(result).map_err(io::Error::other)?)?;
    }
    fs::write(root.join("index.html"), index::page(&past(root)?))?;
    Ok(folder)
}

/// Makes a folder that is named after the moment and the drill, such as `2026-11-25T21-05-09Z-tool-timeout`.
fn new_folder(root: &Path, result: &WholeResult) -> Result<PathBuf, io::Error> {
    fs::create_dir_all(root)?;
    let name = match result.drills.as_slice() {
        [drill] => index::stem(drill),
        drills => format!("{}-drills", drills.len()),
    };
    #[expect(clippy::disallowed_methods, reason = "a folder is named after the moment; what is in it is not")]
    let now = jiff::Timestamp::now();
    let stamp = format!("{}-{name}", now.strftime("%Y-%m-%dT%H-%M-%SZ"));
    for number in 1..1000 {
        let folder = root.join(if number == 1 { stamp.clone() } else { format!("{stamp}-{number}") });
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder),
        }
    }
    Err(io::Error::other(format!("{} has a thousand runs of this second", root.display())))
}

/// Reads what the folders below `root` hold, the newest first; what is no result is left out.
fn past(root: &Path) -> Result<Vec<PastRun>, io::Error> {
    let mut names: Vec<String> =
        fs::read_dir(root)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable_by(|one, other| other.cmp(one));
    let read = |name: String| {
        let text = fs::read_to_string(root.join(&name).join("result.json")).ok()?;
        Some(PastRun { drills: saved::heads(&text).ok()?, folder: name })
    };
    Ok(names.into_iter().filter_map(read).take(SHOWN_MAX).collect())
}
