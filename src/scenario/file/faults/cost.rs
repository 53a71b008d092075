//! Cost spikes: the same work costs more.

use crate::base::Ratio;
use crate::scenario::record::record;
use crate::scenario::source::At;

record! {
    /// The same work is billed as more tokens.
    pub struct TokenInflation {
        /// The share of requests; default 100%.
        pub share: Option<At<Ratio>>,
        /// The tokens billed, as a share of the real ones.
        pub factor: At<Ratio>,
    }
}

record! {
    /// The prompt cache is lost: what was sent before is billed in full.
    pub struct CacheLoss {
        /// The share of requests; default 100%.
        pub share: Option<At<Ratio>>,
    }
}

record! {
    /// The provider charges more.
    pub struct PriceChange {
        /// The new price, as a share of the old.
        pub factor: At<Ratio>,
    }
}

record! {
    /// A layer that the client does not know of retries as well: the attempts multiply.
    pub struct RetryLayers {
        /// How often it tries each of the client's attempts.
        pub attempts: At<u64>,
    }
}
