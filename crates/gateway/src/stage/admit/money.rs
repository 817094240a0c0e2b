//! What a call may spend: held on who asks before anything is chosen, then, attempt by attempt, on who serves it too.

use std::rc::Rc;
use std::sync::Arc;

use keyward_domain::denial::Denial;
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::ledger::AttemptId;
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{self as limit, Amounts};
use keyward_domain::scope::{Scope, ScopeKind};
use keyward_domain::time::Timestamp;
use keyward_limit::book::{self, Ask, Book, Budgets, Headroom, Refused};

use super::fit::{self, Fit, Length, Unfit};
use super::in_turn::Applicant;
use super::most::Most;
use super::prompt::Prompt;
use crate::snapshot::{Allowances, Deployment};
use crate::worker::Worker;

/// Others may take what was left between looking and holding; then it is looked at again, so often.
const TRIES: u8 = 4;

/// What a call may spend and use.
pub(crate) struct Purse {
    /// `None` where there are neither budgets nor limits.
    open: Option<Box<Open>>,
    /// The scopes of who asks.
    scopes: Vec<Scope>,
}

struct Open {
    allowances: Arc<Allowances>,
    tenant: TenantId,
    length: Length,
    /// What is held for the first attempt.
    first: Option<First>,
    /// Budgets that only watch and of which it was counted that they would have refused the call.
    told: Vec<BudgetId>,
}

/// What an attempt is that money is wanted for.
struct Wanted<'a> {
    callers: &'a [Scope],
    servers: &'a [Scope],
    target: &'a Deployment,
    at: Timestamp,
    attempt: AttemptId,
}

/// What was held before anything was chosen.
struct First {
    money: Money,
    target: Arc<Deployment>,
    attempt: AttemptId,
}

/// What is held for an attempt.
pub(crate) struct Money {
    held: Held,
    pub(crate) fit: Fit,
    /// When the attempt began, for windows.
    pub(crate) at: Timestamp,
}

/// What is held while there is no ledger row: let go of, it is given back.
#[derive(Default)]
struct Held {
    hold: Option<book::Hold>,
    /// Whether it is on who serves the call, too.
    is_on_servers: bool,
}

/// Why an attempt may not be made like this.
pub(crate) enum Blocked {
    /// Nobody may serve this call: the budget of who asks.
    Caller(Denial),
    /// This one may not; another provider, key or model may.
    Server(ScopeKind, Denial),
}

impl Purse {
    /// A call that no budget applies to.
    pub(crate) const fn bottomless() -> Self {
        Self { open: None, scopes: Vec::new() }
    }

    /// Holds what the call needs at the cheapest of those that may serve it.
    pub(super) async fn open(
        worker: &Rc<Worker>,
        applicant: &Applicant<'_>,
        most: &mut Most,
        scopes: Vec<Scope>,
    ) -> Result<Self, Denial> {
        let Applicant { key, length, at, text, .. } = *applicant;
        let (allowances, tenant) = (Arc::clone(&key.world.allowances), key.record.tenant);
        let mut open = Open { allowances, tenant, length, first: None, told: Vec::new() };
        if open.allowances.budgets.is_empty() {
            return Ok(Self { open: Some(Box::new(open)), scopes });
        }
        let attempt = AttemptId { request: applicant.request, number: 1 };
        let mut nearest: Option<Denial> = None;
        let targets = by_price(most, applicant.targets);
        let mut prompt = Prompt { most, text };
        for target in targets {
            let wanted = Wanted { callers: &scopes, servers: &[], target, at, attempt };
            match open.hold(worker, &mut prompt, &wanted, Held::default()).await {
                Ok(money) => {
                    open.first = Some(First { money, target: Arc::clone(target), attempt });
                    return Ok(Self { open: Some(Box::new(open)), scopes });
                }
                Err(Blocked::Caller(denial) | Blocked::Server(_, denial)) => nearest = nearest.or(Some(denial)),
            }
        }
        Err(nearest.unwrap_or(Denial::Internal))
    }

    /// Gives back what is held. The scopes of who asks remain, to begin again.
    pub(super) fn into_scopes(self) -> Vec<Scope> {
        self.scopes
    }

    /// Gives back what is held before anything was chosen: a call that waits keeps no money from others.
    pub(crate) fn let_go(&mut self) {
        if let Some(open) = &mut self.open {
            open.first = None;
        }
    }

    /// Whether neither budgets nor limits have to be asked.
    pub(crate) const fn is_bottomless(&self) -> bool {
        self.open.is_none()
    }

    /// Whether budgets or limits on who serves the call have to be asked.
    pub(crate) fn concerns_servers(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.allowances.concerns_servers)
    }

    /// What limits on who serves the call have to be asked.
    pub(crate) fn asks(&self, servers: &[Scope], amounts: Amounts) -> Vec<limit::Ask> {
        let Some(open) = &self.open else { return Vec::new() };
        open.allowances.limits.asks(servers, open.tenant, amounts)
    }

    /// Holds what this attempt needs where it is to be made, in the place of what was held before, if anything was.
    pub(crate) async fn attempt(
        &mut self,
        worker: &Rc<Worker>,
        prompt: &mut Prompt<'_>,
        target: &Arc<Deployment>,
        servers: &[Scope],
        attempt: AttemptId,
    ) -> Result<Option<Money>, Blocked> {
        let Some(open) = &mut self.open else { return Ok(None) };
        if open.allowances.budgets.is_empty() {
            return Ok(None);
        }
        let concerns_servers = servers.iter().any(|scope| open.allowances.budgets.may_apply(scope.kind()));
        let first = open.first.take();
        let is_the_same = |first: &First| Arc::ptr_eq(&first.target, target) && first.attempt == attempt;
        let (at, held) = match first {
            Some(first) if !concerns_servers && is_the_same(&first) => {
                open.tell(worker, &first.money.held);
                return Ok(Some(first.money));
            }
            Some(First { money: Money { held, at, .. }, .. }) => (at, held),
            None => (worker.now(), Held::default()),
        };
        let wanted = Wanted { callers: &self.scopes, servers, target, at, attempt };
        let money = open.hold(worker, prompt, &wanted, held).await?;
        open.tell(worker, &money.held);
        Ok(Some(money))
    }
}

impl Open {
    /// Holds what the attempt needs, in the place of what is held. Should there not be enough, and should that hang on how
    /// long the prompt can be, the prompt is counted and it is tried once more.
    async fn hold(
        &self,
        worker: &Rc<Worker>,
        prompt: &mut Prompt<'_>,
        wanted: &Wanted<'_>,
        mut held: Held,
    ) -> Result<Money, Blocked> {
        let taken = self.take(worker, prompt.most, wanted, &mut held);
        if !self.hangs_on_prompt(worker, prompt, wanted, &held, &taken) {
            return taken;
        }
        // Boxed: few calls come here, and all others would carry the room for it.
        Box::pin(async {
            if !prompt.count(worker, wanted.target).await {
                return taken;
            }
            if let Ok(money) = taken {
                held = money.held;
            }
            self.take(worker, prompt.most, wanted, &mut held)
        })
        .await
    }

    /// A budget that only watches would have refused the call: counted once, however often money is held for it.
    fn tell(&mut self, worker: &Worker, held: &Held) {
        let Some(refused) = held.hold.as_ref().and_then(book::Hold::would_refuse) else { return };
        if let Some(budget) = refused.why.budget().filter(|budget| !self.told.contains(budget)) {
            self.told.push(budget);
            worker.shared.metrics.would_refuse_budget(refused);
        }
    }

    /// Whether the call got less than it asked for, and might get more, were its prompt known to be shorter.
    fn hangs_on_prompt(
        &self,
        worker: &Worker,
        prompt: &Prompt<'_>,
        wanted: &Wanted<'_>,
        held: &Held,
        taken: &Result<Money, Blocked>,
    ) -> bool {
        let (held, now) = match taken {
            Ok(money) if !money.fit.is_short => return false,
            Ok(money) => (&money.held, Some(money.fit)),
            Err(_) => (held, None),
        };
        prompt.uncounted(wanted.target).is_some()
            && self
                .headroom(worker, held, wanted)
                .is_some_and(|headroom| fit::hangs_on_prompt(headroom, prompt.most, wanted.target, self.length, now))
    }

    /// Looks at what is left, fits the call into it and holds that, in the place of what is held.
    fn take(&self, worker: &Rc<Worker>, most: &Most, wanted: &Wanted<'_>, held: &mut Held) -> Result<Money, Blocked> {
        let (book, budgets) = (&worker.shared.counting.book, &self.allowances.budgets);
        let (target, at, attempt) = (wanted.target, wanted.at, wanted.attempt);
        let all = [wanted.callers, wanted.servers].concat();
        for _ in 0..TRIES {
            let headroom = self.headroom(worker, held, wanted);
            let fitted = match headroom {
                None => Ok(fit::unbounded(most, target)),
                Some(headroom) => fit::within(headroom, most, target, self.length),
            };
            // What does not fit is asked for all the same: the refusal then has the figures of that very moment.
            let amount = match fitted {
                Ok(fit) => fit.amount,
                Err(Unfit::TooDear(needed)) => needed,
                Err(Unfit::PriceUnknown) => {
                    worker.shared.metrics.refused_unpriced(target);
                    return Err(unpriced(target));
                }
            };
            let ask = Ask { tenant: self.tenant, scopes: &all, at, amount, attempt };
            match (held.exchange(book, budgets, &ask), fitted) {
                (Ok(()), Ok(fit)) => {
                    let held = Held { hold: held.hold.take(), is_on_servers: !wanted.servers.is_empty() };
                    return Ok(Money { held, fit, at });
                }
                (Err(refused), Err(_)) => return Err(blocked(refused)),
                // Somebody else took, or gave back, in between.
                _ => {}
            }
        }
        Err(Blocked::Caller(Denial::Overloaded("The budgets of this call change too fast.")))
    }
}

impl Open {
    /// What is left for an attempt. What is held already is there for it too.
    fn headroom(&self, worker: &Worker, held: &Held, wanted: &Wanted<'_>) -> Option<Headroom> {
        let (book, budgets) = (&worker.shared.counting.book, &self.allowances.budgets);
        let left = |scopes: &[Scope]| book.headroom(budgets, self.tenant, scopes, wanted.at);
        let with = |own: Nanodollars| move |room: Headroom| Headroom { left: room.left + own, ..room };
        let callers = left(wanted.callers).map(with(held.amount()));
        let on_servers = if held.is_on_servers { held.amount() } else { Nanodollars::ZERO };
        let servers = left(wanted.servers).map(with(on_servers));
        match (callers, servers) {
            (Some(one), Some(other)) => {
                let is_strict = one.is_strict || other.is_strict;
                Some(Headroom { left: one.left.min(other.left), is_strict })
            }
            (one, other) => one.or(other),
        }
    }
}

impl Money {
    /// The hold itself, for whoever sees to it that there is a row.
    pub(crate) fn into_hold(mut self) -> Option<book::Hold> {
        self.held.hold.take()
    }
}

impl Held {
    fn amount(&self) -> Nanodollars {
        self.hold.as_ref().map_or(Nanodollars::ZERO, book::Hold::amount)
    }

    /// Holds what is asked in the place of what is held; when that is refused, what is held stays.
    fn exchange(&mut self, book: &Arc<Book>, budgets: &Budgets, ask: &Ask<'_>) -> Result<(), Refused> {
        let held = match self.hold.take() {
            None => book.hold(budgets, ask),
            Some(before) => before.exchange(book, budgets, ask).map_err(|refused| {
                let (refused, before) = *refused;
                self.hold = Some(before);
                refused
            }),
        };
        self.hold = Some(held?);
        Ok(())
    }
}

/// Nothing was sent, and no row says anything.
impl Drop for Held {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            hold.release();
        }
    }
}

fn unpriced(target: &Deployment) -> Blocked {
    Blocked::Server(ScopeKind::Model, Denial::PriceUnknown(target.qualified.to_string()))
}

fn blocked(refused: Refused) -> Blocked {
    let server = refused.why.scope().map(Scope::kind).filter(|kind| !kind.is_callers());
    match server {
        Some(kind) => Blocked::Server(kind, refused.denial()),
        None => Blocked::Caller(refused.denial()),
    }
}

/// The cheapest first, by what the call can cost there; those whose price nobody knows last.
fn by_price<'a>(most: &Most, targets: &'a [Arc<Deployment>]) -> Vec<&'a Arc<Deployment>> {
    let mut targets: Vec<_> = targets.iter().collect();
    // One alone is not priced for it.
    targets.sort_by_cached_key(|target| most.at(target).unwrap_or(Nanodollars(i64::MAX)));
    targets
}
