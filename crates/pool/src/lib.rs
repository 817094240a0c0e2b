//! Which key serves this call, and what its answer teaches.
//!
//! A [`Registry`] keeps what is known of every key: its standing, its circuits, what is left of its limits, how fast it
//! answers, how much is under way. A [`Pool`] is the membership of one provider at one moment of the configuration, laid
//! over that living state. [`Pool::choose`] answers an [`Ask`] with a [`Claim`]; the claim holds the key's place and its
//! limits until [`Claim::report`] says how it went, or until it is dropped.
//!
//! Pure: no socket, no clock, no chance of its own. Time comes in as a [`Moment`], chance as a [`Draw`]. Everything is
//! shared by all event loops: choosing reads atomics, waits for no lock and allocates nothing, unless there is nothing to
//! choose or the model is new; a key's lock is taken only
//! when its standing changes.
//!
//! ```
//! use keyward_domain::{credential::CredentialState, ids::*, routing::{KeyTerms, Strategy}};
//! use keyward_domain::time::Timestamp;
//! use keyward_pool::{Ask, Draw, Member, Moment, Outcome, Registry, Settings, Silent};
//!
//! let registry = Registry::new(Settings::default(), Box::new(Silent));
//! let key = Member::new(CredentialId::from_bits(1), "production", CredentialState::Active, KeyTerms::default());
//! let moment = Moment::new(Timestamp::from_unix_millis(1_800_000_000_000), std::time::Duration::ZERO);
//! let pool = registry.pool(ProviderId::from_bits(1), Strategy::Adaptive, vec![key], moment);
//!
//! let mut draw = Draw::seeded(7);
//! let claim = pool.choose(&Ask::new("gpt-4o-mini"), moment, &mut draw)?;
//! assert_eq!(&**claim.name(), "production");
//! claim.report(&Outcome::Neutral, moment);
//! # Ok::<(), keyward_pool::Nothing>(())
//! ```

mod affinity;
mod ask;
mod capacity;
mod chance;
mod circuit;
mod claim;
mod endpoint;
mod explain;
mod fade;
mod group;
mod headroom;
mod key;
mod lane;
mod latency;
mod limit;
mod mask;
mod member;
mod moment;
mod nothing;
mod pool;
mod registry;
mod retry;
mod settings;
mod simulate;
mod standing;
mod strategy;
mod view;

pub use ask::{ANY_MODEL, Ask};
pub use chance::Draw;
pub use claim::{Claim, Outcome};
pub use explain::{CandidateView, Choice};
pub use group::Account;
pub use member::Member;
pub use moment::Moment;
pub use nothing::{Nothing, Passed, Why};
pub use pool::Pool;
pub use registry::{Cooled, Notice, Registry, Silent};
pub use retry::{RetryBudget, backoff};
pub use settings::{MAX_MEMBERS, Settings};
pub use simulate::{Share, Simulation};
pub use view::{CircuitView, KeyView, LatencyView, MeterView, ModelView, ProviderModelView, ProviderView};
