//! Distributions of spans and counts, sampled with the same bits on every platform.
//!
//! `rand_distr` draws the normal, exponential and gamma variates; every `exp` and `pow` on top of
//! them goes through `libm`, because the standard library's differ between platforms.

use rand_distr::{Distribution, Exp1, Gamma, StandardNormal};

use crate::base::Chance;

/// A distribution over non-negative reals; the unit (nanoseconds, tokens, times) is the holder's.
#[derive(Debug, Clone, PartialEq)]
pub enum Dist {
    /// Always this value.
    Constant(f64),
    /// Any value between two with the same chance.
    Uniform {
        /// The least value.
        low: f64,
        /// The greatest value.
        high: f64,
    },
    /// Exponential with this mean.
    Exponential {
        /// The mean.
        mean: f64,
    },
    /// Log-normal with this median and this standard deviation of the logarithm.
    LogNormal {
        /// The median.
        median: f64,
        /// The standard deviation of the natural logarithm.
        sigma: f64,
    },
    /// Gamma with this shape and scale (mean is their product).
    Gamma(GammaShape),
    /// Weibull with this scale and shape.
    Weibull {
        /// The scale, which 63.2 % of draws stay below.
        scale: f64,
        /// The shape; below one the tail is heavy.
        shape: f64,
    },
    /// Pareto from `least` with tail index `alpha`, cut at `cap`.
    Pareto {
        /// The least value.
        least: f64,
        /// The tail index; smaller is heavier.
        alpha: f64,
        /// No draw is above this.
        cap: f64,
    },
    /// A measured table of (probability, value) points, linear between them.
    Table(Box<[(f64, f64)]>),
}

/// A gamma distribution whose sampler is set up once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaShape {
    // Invariant: `sampler` has shape `shape`, or `shape + 1` where that is below one.
    shape: f64,
    scale: f64,
    sampler: Gamma<f64>,
}

impl GammaShape {
    /// Returns the gamma distribution with `shape` and `scale`, or nothing if either is not positive.
    pub fn new(shape: f64, scale: f64) -> Option<Self> {
        let drawn_shape = if shape < 1.0 { shape + 1.0 } else { shape };
        (shape > 0.0 && scale > 0.0 && scale.is_finite())
            .then(|| Gamma::new(drawn_shape, 1.0).ok())
            .flatten()
            .map(|sampler| Self { shape, scale, sampler })
    }

    /// A shape below one is drawn one higher and thinned by a power (Marsaglia and Tsang 2000, section 6).
    fn sample(&self, chance: &mut Chance) -> f64 {
        let drawn = self.sampler.sample(chance.generator());
        if self.shape < 1.0 {
            drawn * libm::pow(chance.unit(), 1.0 / self.shape) * self.scale
        } else {
            drawn * self.scale
        }
    }
}

impl Dist {
    /// Draws one value.
    pub fn sample(&self, chance: &mut Chance) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, high } => low + (high - low) * chance.unit(),
            Self::Exponential { mean } => {
                let drawn: f64 = Exp1.sample(chance.generator());
                drawn * mean
            }
            Self::LogNormal { median, sigma } => {
                let drawn: f64 = StandardNormal.sample(chance.generator());
                median * libm::exp(sigma * drawn)
            }
            Self::Gamma(gamma) => gamma.sample(chance),
            Self::Weibull { scale, shape } => {
                let drawn: f64 = Exp1.sample(chance.generator());
                scale * libm::pow(drawn, 1.0 / shape)
            }
            Self::Pareto { least, alpha, cap } => {
                (least * libm::pow(1.0 - chance.unit(), -1.0 / alpha)).min(*cap)
            }
            Self::Table(points) => interpolate(points, chance.unit()),
        }
    }

    /// Draws one value as a whole number, rounded to the nearest.
    pub fn sample_count(&self, chance: &mut Chance) -> u64 {
        (self.sample(chance) + 0.5) as u64
    }

    /// Returns the mean; of a capped Pareto, the mean with the cap.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, high } => f64::midpoint(*low, *high),
            Self::Exponential { mean } => *mean,
            Self::LogNormal { median, sigma } => median * libm::exp(sigma * sigma / 2.0),
            Self::Gamma(gamma) => gamma.shape * gamma.scale,
            Self::Weibull { scale, shape } => scale * libm::tgamma(1.0 + 1.0 / shape),
            Self::Pareto { least, alpha, cap } => {
                let tail = libm::pow(least / cap, *alpha);
                if (alpha - 1.0).abs() < 1e-9 {
                    least * (1.0 + libm::log(cap / least))
                } else {
                    // The part below the cap, and the mass that sits on it.
                    let below = alpha / (alpha - 1.0) * (least - cap * tail);
                    below + cap * tail
                }
            }
            Self::Table(points) => points
                .windows(2)
                .map(|pair| (pair[1].0 - pair[0].0) * f64::midpoint(pair[0].1, pair[1].1))
                .sum(),
        }
    }

    /// Returns the same distribution with every value multiplied by `factor`.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(value * factor),
            Self::Uniform { low, high } => Self::Uniform { low: low * factor, high: high * factor },
            Self::Exponential { mean } => Self::Exponential { mean: mean * factor },
            Self::LogNormal { median, sigma } => Self::LogNormal { median: median * factor, sigma: *sigma },
            Self::Gamma(gamma) => Self::Gamma(GammaShape { scale: gamma.scale * factor, ..*gamma }),
            Self::Weibull { scale, shape } => Self::Weibull { scale: scale * factor, shape: *shape },
            Self::Pareto { least, alpha, cap } => {
                Self::Pareto { least: least * factor, alpha: *alpha, cap: cap * factor }
            }
            Self::Table(points) => {
                Self::Table(points.iter().map(|&(share, value)| (share, value * factor)).collect())
            }
        }
    }
}

/// Reads the value at `share` off a table whose shares rise from 0 to 1.
fn interpolate(points: &[(f64, f64)], share: f64) -> f64 {
    let right = points.partition_point(|point| point.0 <= share).clamp(1, points.len() - 1);
    let ((from, low), (to, high)) = (points[right - 1], points[right]);
    low + (high - low) * (share - from) / (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Key;

    fn every_kind() -> Vec<Dist> {
        vec![
            Dist::Constant(3.0),
            Dist::Uniform { low: 1.0, high: 5.0 },
            Dist::Exponential { mean: 2.0 },
            Dist::LogNormal { median: 2.0, sigma: 0.5 },
            Dist::Gamma(GammaShape::new(0.5, 4.0).unwrap()),
            Dist::Gamma(GammaShape::new(3.0, 0.7).unwrap()),
            Dist::Weibull { scale: 2.0, shape: 1.5 },
            Dist::Pareto { least: 1.0, alpha: 1.5, cap: 20.0 },
            Dist::Table([(0.0, 1.0), (0.5, 2.0), (1.0, 10.0)].into()),
        ]
    }

    #[test]
    fn the_sample_mean_meets_the_stated_mean() {
        for dist in every_kind() {
            let (mut sum, mut squares, count) = (0.0, 0.0, 200_000);
            for number in 0..count {
                let drawn = dist.sample(&mut Key::of_seed(5).at(number).draws());
                sum += drawn;
                squares += drawn * drawn;
            }
            let mean = sum / count as f64;
            let error = ((squares / count as f64 - mean * mean).max(0.0) / count as f64).sqrt();
            assert!((mean - dist.mean()).abs() <= 4.0 * error + 1e-9, "{dist:?}: {mean} +- {error}");
        }
    }

    #[test]
    fn scaling_multiplies_every_draw() {
        for dist in every_kind() {
            let key = Key::of_seed(9);
            let (plain, scaled) = (dist.sample(&mut key.draws()), dist.scaled(3.0).sample(&mut key.draws()));
            assert!((scaled - 3.0 * plain).abs() < 1e-9, "{dist:?}");
        }
    }

    #[test]
    fn no_draw_leaves_its_bounds() {
        let pareto = Dist::Pareto { least: 1.0, alpha: 0.5, cap: 20.0 };
        let table = Dist::Table([(0.0, 1.0), (0.5, 2.0), (1.0, 10.0)].into());
        for number in 0..50_000 {
            let mut draws = Key::of_seed(3).at(number).draws();
            assert!((1.0..=20.0).contains(&pareto.sample(&mut draws)));
            assert!((1.0..=10.0).contains(&table.sample(&mut draws)));
        }
    }

    #[test]
    fn the_bits_of_draws_are_pinned() {
        let bits: Vec<String> = every_kind()
            .iter()
            .map(|dist| format!("{:016x}", dist.sample(&mut Key::of_seed(1).draws()).to_bits()))
            .collect();
        insta::assert_debug_snapshot!(bits);
    }
}
