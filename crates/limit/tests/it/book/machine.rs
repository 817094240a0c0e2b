//! M04: whatever attempts do, in whatever order, nothing stays reserved, and what is shown as spent is what the rows of
//! the ledger come to. A simple model keeps the same figures by adding everything up again each time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::budget::{Budget, BudgetKind, Mode};
use keyward_domain::ids::{CredentialId, TeamId};
use keyward_domain::ledger::{AttemptOutcome, Entry, Spend, SpendQuery};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::time::Timestamp;
use keyward_domain::window::{Period, quarter_of};
use keyward_limit::book::{Ask, Book, Budgets, Hold, Why};
use proptest::prelude::{ProptestConfig, any, proptest};

use super::world::{CENT, Call, NOON, TENANT, attempt, budget, one, windows};

/// What happens in the long run follows from this and nothing else.
const SEED: u64 = 0x6b65_7977_6172_6404;
const USERS: [&str; 4] = ["eva", "max", "ida", "jon"];
const TAGS: [&str; 3] = ["blue", "red", "green"];

/// An attempt under way.
struct Open {
    hold: Hold,
    call: Call,
    number: u128,
    amount: i64,
}

/// A row on its way to the store, and what is counted for it until then.
struct Waiting {
    row: Entry,
    charged: i64,
}

#[derive(Default)]
struct Counts {
    admitted: u32,
    refused: u32,
    ended: u32,
    faults: u32,
    crashes: u32,
}

struct Machine {
    book: Arc<Book>,
    budgets: Vec<Budget>,
    index: Budgets,
    now: Timestamp,
    latest: Timestamp,
    /// When balances were last read from the store.
    read_at: Timestamp,
    open: Vec<Open>,
    waiting: Vec<Waiting>,
    /// What the rows in the store come to.
    ledger: HashMap<Scope, BTreeMap<Timestamp, i64>>,
    next: u128,
    counts: Counts,
}

fn budgets() -> Vec<Budget> {
    let mut rolling = budget(4, Reach::Each(ScopeKind::Tag), 150 * CENT);
    rolling.windows.period = Period::Rolling { seconds: 7_200 };
    let mut soft = one(5, Scope::Credential(CredentialId::from_bits(6)), 10 * CENT);
    soft.kind = BudgetKind::Soft;
    let mut watching = windows(one(6, Scope::Team(TeamId::from_bits(2)), 10 * CENT), Period::Month { starts: 1 });
    watching.mode = Mode::Observe;
    vec![
        windows(one(1, Scope::Global, 160 * CENT), Period::Hour),
        one(2, Scope::Tenant(TENANT), 2_000 * CENT),
        windows(budget(3, Reach::Each(ScopeKind::EndUser), 70 * CENT), Period::Hour),
        rolling,
        soft,
        watching,
    ]
}

impl Machine {
    fn new() -> Self {
        let budgets = budgets();
        let mut machine = Self {
            book: Arc::new(Book::new()),
            index: Budgets::new(&budgets),
            budgets,
            now: NOON,
            latest: NOON,
            read_at: NOON,
            open: Vec::new(),
            waiting: Vec::new(),
            ledger: HashMap::new(),
            next: 0,
            counts: Counts::default(),
        };
        machine.fill();
        machine
    }

    fn fill(&mut self) {
        for filling in self.book.unfilled(&self.index, self.now) {
            filling.fill(&self.spend(&filling.query()));
            self.read_at = self.now;
        }
    }

    /// Whether the clock was set back to windows that nobody has read.
    fn is_before_reading(&self) -> bool {
        let read_at = self.read_at.minus(Duration::from_hours(1));
        self.budgets.iter().any(|budget| budget.windows.at(self.now).from < budget.windows.at(read_at).from)
    }

    /// One thing happens; the number says which and how.
    fn step(&mut self, number: u64) {
        let (what, how) = (number % 100, number / 100);
        match what {
            0..35 => self.hold(how),
            35..45 => self.grow(how),
            45..53 => self.exchange(how),
            53..70 => self.settle(how),
            70..74 => self.abandon(how),
            74..76 => self.settle_unpriced(how),
            76..79 => self.release(how),
            79..81 => self.row_first(how),
            81..92 => self.project(how),
            92..93 => self.correct(how),
            93..97 => self.advance(how),
            97 => self.step_back(how),
            98 => self.configure(how),
            _ if how % 16 == 0 => self.crash(),
            _ => self.fill(),
        }
    }

    fn call(&self, how: u64) -> Call {
        let pick = |from: u64, names: &[&str]| names[usize::try_from(from).unwrap() % names.len()].into();
        let mut tags = vec![pick(how / 4, &TAGS), pick(how / 12, &TAGS)];
        tags.sort();
        tags.dedup();
        Call { end_user: pick(how, &USERS), tags, credential: 6 + u128::from(how / 36 % 2), at: self.now }
    }

    fn hold(&mut self, how: u64) {
        let (call, amount) = (self.call(how), amount(how));
        self.next += 1;
        let (number, scopes) = (self.next, call.scopes());
        let ask =
            Ask { tenant: TENANT, scopes: &scopes, at: call.at, amount: Nanodollars(amount), attempt: attempt(number) };
        let fits = self.fits(&call, amount);
        match self.book.hold(&self.index, &ask) {
            Ok(hold) => {
                assert!(fits, "admitted what does not fit");
                self.counts.admitted += 1;
                self.open.push(Open { hold, call, number, amount });
            }
            Err(refused) => {
                self.counts.refused += 1;
                // While the clock stands back, the latest window decides as well.
                assert!(!fits || self.now < self.latest, "refused what fits: {refused:?}");
                assert!(matches!(refused.why, Why::Reached(..)) || self.is_before_reading(), "{refused:?}");
            }
        }
    }

    fn grow(&mut self, how: u64) {
        let Some(index) = pick(&self.open, how) else { return };
        let by = amount(how) / 4;
        if self.open[index].hold.grow(Nanodollars(by)).is_ok() {
            self.open[index].amount += by;
        }
    }

    fn exchange(&mut self, how: u64) {
        let Some(index) = pick(&self.open, how) else { return };
        let open = self.open.swap_remove(index);
        let (call, amount) = (self.call(how), if how.is_multiple_of(9) { 0 } else { amount(how) });
        self.next += 1;
        let (number, scopes) = (self.next, call.scopes());
        let ask =
            Ask { tenant: TENANT, scopes: &scopes, at: call.at, amount: Nanodollars(amount), attempt: attempt(number) };
        let fits = self.fits(&call, amount);
        match open.hold.exchange(&self.book, &self.index, &ask) {
            Ok(hold) => {
                assert!(fits, "exchanged for what does not fit");
                self.open.push(Open { hold, call, number, amount });
            }
            Err(kept) => {
                assert!(!fits || self.now < self.latest, "refused what fits: {:?}", kept.0);
                self.open.push(Open { hold: kept.1, ..open });
            }
        }
    }

    fn settle(&mut self, how: u64) {
        let Some(open) = self.end(how, false) else { return };
        // Now and then an answer costs more than anybody thought.
        let cost = if how.is_multiple_of(11) {
            open.amount + CENT
        } else {
            open.amount * i64::try_from(how % 100).unwrap() / 100
        };
        let charged = if open.amount == 0 { 0 } else { cost };
        open.hold.settle(Some(Nanodollars(cost)));
        self.waiting.push(Waiting { row: open.call.row(open.number, Some(cost)), charged });
    }

    /// Whoever had the hold is gone; the journal says later what it cost.
    fn abandon(&mut self, how: u64) {
        let Some(open) = self.end(how, true) else { return };
        drop(open.hold);
        let row = open.call.row(open.number, Some(open.amount / 2));
        self.waiting.push(Waiting { row, charged: open.amount });
    }

    fn settle_unpriced(&mut self, how: u64) {
        let Some(open) = self.end(how, true) else { return };
        open.hold.settle(None);
        self.waiting.push(Waiting { row: open.call.row(open.number, None), charged: 0 });
    }

    fn release(&mut self, how: u64) {
        let Some(open) = self.end(how, false) else { return };
        open.hold.release();
        if how.is_multiple_of(2) {
            self.waiting.push(Waiting { row: open.call.row(open.number, Some(0)), charged: 0 });
        }
    }

    /// The row is in the store before whoever made it says that the attempt is over.
    fn row_first(&mut self, how: u64) {
        let Some(open) = self.end(how, true) else { return };
        self.append(&open.call.row(open.number, Some(open.amount)));
        if how.is_multiple_of(2) { drop(open.hold) } else { open.hold.settle(Some(Nanodollars(open.amount))) }
    }

    fn project(&mut self, how: u64) {
        for turn in 0..=how % 4 {
            let Some(index) = pick(&self.waiting, how / 4 + turn) else { return };
            let row = self.waiting.swap_remove(index).row;
            self.append(&row);
        }
    }

    fn correct(&mut self, how: u64) {
        self.next += 1;
        let mut row = self.call(how).row(self.next, Some(amount(how) - 15 * CENT));
        row.outcome = AttemptOutcome::Correction;
        self.append(&row);
    }

    fn advance(&mut self, how: u64) {
        self.now = self.now.plus(Duration::from_secs(how % 2_400));
        self.latest = self.latest.max(self.now);
    }

    fn step_back(&mut self, how: u64) {
        self.now = self.now.minus(Duration::from_secs(how % 1_800)).max(NOON);
    }

    fn configure(&mut self, how: u64) {
        for budget in &mut self.budgets {
            let percent = 80 + i64::try_from(how % 50).unwrap();
            let base = budgets().iter().find(|base| base.id == budget.id).unwrap().amount.0;
            budget.amount = Nanodollars(base / 100 * percent);
            budget.revision += 1;
        }
        self.index = Budgets::new(&self.budgets);
        self.fill();
        self.book.retain(&self.index);
    }

    /// The process dies. At its next start the journal says what was under way: rows at what was reserved.
    fn crash(&mut self) {
        self.counts.crashes += 1;
        self.book = Arc::new(Book::new());
        self.latest = self.now;
        let open = std::mem::take(&mut self.open).into_iter().map(|open| open.call.row(open.number, Some(open.amount)));
        let rows: Vec<_> =
            std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.row).chain(open).collect();
        let (before, after) = rows.split_at(rows.len() / 2);
        for row in before {
            self.append(row);
        }
        self.fill();
        for row in after {
            self.append(row);
        }
    }

    fn end(&mut self, how: u64, is_fault: bool) -> Option<Open> {
        let index = pick(&self.open, how)?;
        self.counts.ended += 1;
        self.counts.faults += u32::from(is_fault);
        Some(self.open.swap_remove(index))
    }

    fn append(&mut self, row: &Entry) {
        for scope in row.subject.scopes() {
            let quarters = self.ledger.entry(scope).or_default();
            *quarters.entry(quarter_of(row.subject.at)).or_default() += row.cost.unwrap_or_default().0;
        }
        self.book.projected([row]);
        self.latest = self.latest.max(row.subject.at);
    }

    fn spend(&self, query: &SpendQuery) -> Vec<Spend> {
        let wanted =
            |scope: &Scope| scope.kind() == query.kind && query.scope.as_ref().is_none_or(|only| only == scope);
        let mut rows = Vec::new();
        for (scope, quarters) in self.ledger.iter().filter(|(scope, _)| wanted(scope)) {
            for (quarter, cost) in quarters.range(query.since..query.until) {
                let (scope, quarter, cost) = (scope.clone(), *quarter, Nanodollars(*cost));
                rows.push(Spend { scope, quarter, attempts: 1, cost, unpriced: 0, input_tokens: 0, output_tokens: 0 });
            }
        }
        rows
    }

    /// Net spent and reserved, added up anew.
    fn figures(&self, budget: &Budget, scope: &Scope, at: Timestamp) -> (i64, i64) {
        let window = budget.windows.at(at);
        let is_in = |call_at: Timestamp, scopes: &[Scope]| window.contains(call_at) && scopes.contains(scope);
        let base: i64 = self
            .ledger
            .get(scope)
            .map_or(0, |quarters| quarters.range(window.from..window.until).map(|(_, cost)| cost).sum());
        let waiting =
            self.waiting.iter().filter(|waiting| is_in(waiting.row.subject.at, &waiting.row.subject.scopes()));
        let open = self.open.iter().filter(|open| is_in(open.call.at, &open.call.scopes()));
        (base + waiting.map(|waiting| waiting.charged).sum::<i64>(), open.map(|open| open.amount).sum())
    }

    /// Whether every budget that refuses has room for this.
    fn fits(&self, call: &Call, amount: i64) -> bool {
        let scopes = call.scopes();
        let has_room = |budget: &Budget, scope: &Scope| {
            let (spent, reserved) = self.figures(budget, scope, call.at);
            spent.max(0) + reserved + amount <= budget.amount.0
        };
        amount == 0
            || self
                .budgets
                .iter()
                .filter(|budget| budget.refuses())
                .all(|budget| scopes.iter().filter(|scope| applies(budget, scope)).all(|scope| has_room(budget, scope)))
    }

    /// Compares everything that is shown with what the model says.
    fn compare(&self) {
        let users = USERS.map(|user| Scope::EndUser(TENANT, user.into()));
        let tags = TAGS.map(|tag| Scope::Tag(TENANT, tag.into()));
        let keys = [6, 7].map(|key| Scope::Credential(CredentialId::from_bits(key)));
        let others = [Scope::Global, Scope::Tenant(TENANT), Scope::Team(TeamId::from_bits(2))];
        let scopes: Vec<_> = users.into_iter().chain(tags).chain(keys).chain(others).collect();
        for budget in &self.budgets {
            for scope in scopes.iter().filter(|scope| applies(budget, scope)) {
                let view = self.book.view(budget, scope, self.now);
                if !view.is_known {
                    assert!(self.is_before_reading());
                    continue;
                }
                let (spent, reserved) = self.figures(budget, scope, self.now);
                assert_eq!(view.spent.0 - view.beyond_zero.0, spent, "{scope}: {view:?}");
                assert_eq!(view.reserved.0, reserved, "{scope}: {view:?}");
            }
        }
        for reading in self.book.readings(&self.index, self.now) {
            assert_eq!(reading.check(&self.spend(&reading.query())), []);
        }
    }

    /// Everything comes to an end.
    fn end_all(&mut self) {
        for (number, open) in std::mem::take(&mut self.open).into_iter().enumerate() {
            let row = open.call.row(open.number, Some(open.amount));
            if number % 2 == 0 {
                drop(open.hold);
            } else {
                open.hold.settle(Some(Nanodollars(1)));
            }
            self.waiting.push(Waiting { row, charged: 0 });
        }
        let rows: Vec<_> = std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.row).collect();
        for row in &rows {
            self.append(row);
        }
        self.compare();
        assert_eq!(self.book.pending(), 0);
        let views = self.budgets.iter().flat_map(|budget| self.book.views(budget, self.now));
        assert_eq!(views.map(|view| view.reserved.0).sum::<i64>(), 0);
        let running = std::mem::replace(&mut self.book, Arc::new(Book::new()));
        self.fill();
        for budget in &self.budgets {
            let (kept, read) = (running.views(budget, self.now), self.book.views(budget, self.now));
            assert_eq!(kept, read, "what was kept is what the store says");
        }
    }
}

fn applies(budget: &Budget, scope: &Scope) -> bool {
    match &budget.reach {
        Reach::One(one) => one == scope,
        Reach::Each(kind) => *kind == scope.kind(),
    }
}

fn amount(how: u64) -> i64 {
    i64::try_from(how % 2_000).unwrap() * CENT / 100 + 1
}

fn pick<T>(things: &[T], how: u64) -> Option<usize> {
    (!things.is_empty()).then(|| usize::try_from(how).unwrap() % things.len())
}

#[test]
fn m04_a_hundred_thousand_operations_with_faults_leave_no_drift() {
    let mut machine = Machine::new();
    let mut state = SEED;
    for turn in 0..100_000 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        machine.step((mixed ^ (mixed >> 31)) >> 16);
        if turn % 50 == 0 {
            machine.compare();
        }
    }
    machine.end_all();
    let Counts { admitted, refused, ended, faults, crashes } = machine.counts;
    assert!(admitted > 10_000 && refused > 3_000, "{admitted} admitted, {refused} refused");
    assert!(faults * 5 >= ended && crashes > 20, "{faults} faults of {ended}, {crashes} crashes");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn m04_whatever_attempts_do_the_figures_are_what_the_rows_say(steps in proptest::collection::vec(any::<u32>(), 1..200)) {
        let mut machine = Machine::new();
        for step in steps {
            machine.step(u64::from(step));
            machine.compare();
        }
        machine.end_all();
    }
}
