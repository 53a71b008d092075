//! Text in, checked scenario out: knows TOML, reports every problem, leaves nothing to later floors.

pub mod check;
pub mod condition;
pub mod decode;
pub mod dist_text;
pub mod edit;
pub mod file;
pub mod limits;
pub mod load;
pub mod markdown;
pub mod problem;
mod record;
pub mod schema;
pub mod served;
pub mod source;
pub mod units;
pub mod without;

pub use load::{Library, Loaded, Scenario, load_text};
