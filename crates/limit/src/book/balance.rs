use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use keyward_domain::window::{QUARTER, Window, Windows, quarter_of};

use crate::sync::{Mutex, MutexGuard, lock};

/// Buckets of fixed windows that a balance remembers: a day of full hours and a little, so that a clock that is set back
/// by a day still finds what was spent then.
const FIXED_BUCKETS: usize = 26;

/// Quarters of an hour that the balance of a rolling window remembers beyond its length, for the same reason.
const EXTRA_QUARTERS: usize = 100;

/// What one scope has spent and reserved under one budget.
#[derive(Debug)]
pub(super) struct Balance {
    /// Its place in the order in which locks of balances are taken.
    pub(super) serial: u64,
    pub(super) scope: Scope,
    state: Mutex<State>,
}

/// What the lock of a balance guards.
#[derive(Debug)]
pub(super) struct State {
    /// By where they begin, ascending. A fixed window is one bucket; a rolling one has a bucket per quarter of an hour.
    buckets: Vec<Bucket>,
    /// What was spent in windows that begin at this moment or later is all here; what was before is not known.
    known_from: Timestamp,
    /// The latest window that anything was held in, and the sum of its buckets.
    latest: Window,
    total: Sums,
    /// The highest threshold that somebody was told of, and in which window that was.
    pub(super) told: (Timestamp, u16),
    /// Nobody finds this balance any more: look it up again.
    pub(super) is_gone: bool,
}

/// What happened within a window, or within a quarter of an hour.
#[derive(Debug, Clone)]
struct Bucket {
    from: Timestamp,
    sums: Sums,
    /// Attempts that have a part in it and whose rows are not in the store.
    legs: u32,
}

/// Sums of amounts that fit 64 bits, in 128: adding and taking away again is exact whatever the amounts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    /// Rows that are in the store, corrections included; these may take it below zero.
    pub(super) base: i128,
    /// Attempts that are over and whose rows are on the way to the store.
    pub(super) settled: i128,
    /// What attempts under way have reserved.
    pub(super) open: i128,
}

/// Where an attempt stands in a balance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stand {
    /// The bucket that it belongs to.
    pub(super) bucket: Timestamp,
    /// The window that decides, and its sums.
    pub(super) window: Window,
    pub(super) sums: Sums,
    /// Whether these are all there is.
    pub(super) is_known: bool,
}

impl Sums {
    pub(super) fn open(amount: i64) -> Self {
        Self { open: i128::from(amount), ..Self::default() }
    }

    pub(super) fn settled(amount: i64) -> Self {
        Self { settled: i128::from(amount), ..Self::default() }
    }

    pub(super) fn base(amount: i64) -> Self {
        Self { base: i128::from(amount), ..Self::default() }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            base: self.base.saturating_add(other.base),
            settled: self.settled.saturating_add(other.settled),
            open: self.open.saturating_add(other.open),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            base: self.base.saturating_sub(other.base),
            settled: self.settled.saturating_sub(other.settled),
            open: self.open.saturating_sub(other.open),
        }
    }

    /// What was spent, as the rows say it: corrections can make it negative.
    pub(super) fn net(self) -> i128 {
        self.base.saturating_add(self.settled)
    }

    /// What was spent. Never below zero: what is taken back does not become more than what may be spent.
    pub(super) fn spent(self) -> i128 {
        self.net().max(0)
    }

    /// What is not left.
    pub(super) fn used(self) -> i128 {
        self.spent().saturating_add(self.open)
    }
}

impl Balance {
    pub(super) fn new(serial: u64, scope: Scope, known_from: Timestamp) -> Self {
        let never = Timestamp::from_unix_millis(i64::MIN);
        let state = State {
            buckets: Vec::new(),
            known_from,
            latest: Window { from: never, until: never },
            total: Sums::default(),
            told: (never, 0),
            is_gone: false,
        };
        Self { serial, scope, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// Where an attempt that begins at this moment stands. Its own window decides; while the clock stands in an earlier
    /// window than one that was used, the later one as well, so that setting the clock back gives nobody more.
    pub(super) fn stand(&mut self, windows: &Windows, at: Timestamp) -> Stand {
        let own = self.own(windows, at);
        if own.window.until > self.latest.until {
            self.latest = own.window;
            self.total = own.sums;
        }
        let is_earlier = own.window != self.latest;
        if is_earlier && self.total.used() > own.sums.used() {
            return Stand { window: self.latest, sums: self.total, ..own };
        }
        own
    }

    /// Where an attempt of this moment stands that is there already. It belongs to its own window for good. Of rolling
    /// windows it belongs to many, to every one that ends between its quarter and the latest: the fullest decides.
    pub(super) fn own(&self, windows: &Windows, at: Timestamp) -> Stand {
        let is_latest = !windows.are_rolling() && self.latest.contains(at);
        let window = if is_latest { self.latest } else { windows.at(at) };
        let sums = match window {
            window if window == self.latest => self.total,
            window if windows.are_rolling() => self.fullest(window),
            window => self.sum(window.from, window.until),
        };
        Stand { bucket: bucket_of(windows, window), window, sums, is_known: window.from >= self.known_from }
    }

    /// The sums of the fullest rolling window of those that contain the last quarter of this one, up to the latest.
    fn fullest(&self, window: Window) -> Sums {
        let length = window.length();
        let last = self.latest.until.min(window.until.minus(QUARTER).plus(length));
        let mut sums = self.sum(window.from, window.until);
        let mut fullest = sums;
        let mut entering = self.from(window.until).peekable();
        let mut leaving = self.from(window.from).peekable();
        let mut until = window.until;
        while until < last {
            until = until.plus(QUARTER);
            while let Some(bucket) = entering.next_if(|bucket| bucket.from < until) {
                sums = sums.plus(bucket.sums);
            }
            while let Some(bucket) = leaving.next_if(|bucket| bucket.from < until.minus(length)) {
                sums = sums.minus(bucket.sums);
            }
            if sums.used() > fullest.used() {
                fullest = sums;
            }
        }
        fullest
    }

    /// The window of this moment and its sums, for those who only look.
    pub(super) fn figures(&self, windows: &Windows, now: Timestamp) -> (Window, Sums) {
        let window = windows.at(now);
        (window, self.sum(window.from, window.until))
    }

    /// The latest window that anything was held in, and its sums.
    pub(super) fn latest(&self) -> (Window, Sums) {
        (self.latest, self.total)
    }

    /// Whether what was spent in windows that begin at this moment is known.
    pub(super) fn is_known_from(&self, from: Timestamp) -> bool {
        from >= self.known_from
    }

    /// Changes a bucket: adds, takes away, and counts one attempt more or less.
    pub(super) fn post(&mut self, bucket: Timestamp, more: Sums, less: Sums, change: Legs) {
        let index = match self.buckets.binary_search_by_key(&bucket, |bucket| bucket.from) {
            Ok(index) => index,
            Err(index) => {
                self.buckets.insert(index, Bucket { from: bucket, sums: Sums::default(), legs: 0 });
                index
            }
        };
        if let Some(found) = self.buckets.get_mut(index) {
            found.sums = found.sums.plus(more).minus(less);
            found.legs = match change {
                Legs::More => found.legs.saturating_add(1),
                Legs::Same => found.legs,
                Legs::Less => found.legs.saturating_sub(1),
            };
        }
        if self.latest.contains(bucket) {
            self.total = self.total.plus(more).minus(less);
        }
    }

    /// Forgets the oldest buckets beyond what is remembered, except those that attempts still have a part in. Gives
    /// the moment from which on everything is known, when that changed.
    pub(super) fn trim(&mut self, windows: &Windows) -> Option<Timestamp> {
        let before = self.known_from;
        while self.buckets.len() > remembered(windows) {
            let idle = |bucket: &Bucket| bucket.legs == 0 && !self.latest.contains(bucket.from);
            let Some(index) = self.buckets.iter().position(idle) else { break };
            self.buckets.remove(index);
            // The next bucket begins where the forgotten one's window ends, or later.
            if let Some(next) = self.buckets.get(index) {
                self.known_from = self.known_from.max(next.from);
            }
        }
        (self.known_from != before).then_some(self.known_from)
    }

    /// Puts what the store says in the place of what was known of its rows; what is on the way stays.
    pub(super) fn fill(&mut self, known_from: Timestamp, rows: &[(Timestamp, i128)]) {
        for bucket in &mut self.buckets {
            bucket.sums.base = 0;
        }
        for (bucket, cost) in rows {
            self.post(*bucket, Sums { base: *cost, ..Sums::default() }, Sums::default(), Legs::Same);
        }
        self.buckets.retain(|bucket| bucket.legs > 0 || bucket.from >= known_from);
        self.known_from = known_from;
        self.total = self.sum(self.latest.from, self.latest.until);
    }

    /// Whether nothing would be lost if the balance were forgotten: nobody has a part in it, and from this moment on
    /// nothing was spent.
    pub(super) fn is_idle(&self, since: Timestamp) -> bool {
        let is_idle = |bucket: &Bucket| bucket.legs == 0 && (bucket.from < since || bucket.sums.base == 0);
        self.buckets.iter().all(is_idle)
    }

    /// What the store's rows come to, by bucket, from this moment on.
    pub(super) fn bases(&self, since: Timestamp) -> impl Iterator<Item = (Timestamp, i128)> {
        let since = since.max(self.known_from);
        self.buckets.iter().filter(move |bucket| bucket.from >= since).map(|bucket| (bucket.from, bucket.sums.base))
    }

    /// When so much has left a rolling window that this amount fits, if nothing more is spent: the beginning of the
    /// quarter in which it does.
    pub(super) fn fits_at(&self, windows: &Windows, stand: &Stand, room: i128) -> Timestamp {
        if !windows.are_rolling() {
            return stand.window.until;
        }
        // A quarter is part of the window up to the end of the quarter that begins one length after it.
        let length = stand.window.length();
        let mut used = stand.sums.used();
        let mut last = stand.window.until;
        for bucket in self.buckets.iter().filter(|bucket| stand.window.contains(bucket.from)) {
            used = used.saturating_sub(bucket.sums.net()).saturating_sub(bucket.sums.open);
            last = last.max(bucket.from.plus(length));
            if used <= room {
                break;
            }
        }
        last
    }

    fn sum(&self, from: Timestamp, until: Timestamp) -> Sums {
        let inside = self.from(from).take_while(|bucket| bucket.from < until);
        inside.fold(Sums::default(), |sums, bucket| sums.plus(bucket.sums))
    }

    /// The buckets that begin at this moment or later.
    fn from(&self, from: Timestamp) -> impl Iterator<Item = &Bucket> {
        let first = self.buckets.partition_point(|bucket| bucket.from < from);
        self.buckets.iter().skip(first)
    }
}

/// How a change alters the number of attempts that have a part in a bucket.
#[derive(Debug, Clone, Copy)]
pub(super) enum Legs {
    More,
    Same,
    Less,
}

/// The bucket of the moments that have this window.
pub(super) fn bucket_of(windows: &Windows, window: Window) -> Timestamp {
    if windows.are_rolling() { window.until.minus(QUARTER) } else { window.from }
}

/// The bucket of a moment.
pub(super) fn bucket_at(windows: &Windows, at: Timestamp) -> Timestamp {
    if windows.are_rolling() { quarter_of(at) } else { windows.at(at).from }
}

fn remembered(windows: &Windows) -> usize {
    if !windows.are_rolling() {
        return FIXED_BUCKETS;
    }
    let length = windows.at(Timestamp::EPOCH).length();
    let quarters = length.as_secs() / QUARTER.as_secs();
    usize::try_from(quarters).unwrap_or(usize::MAX).saturating_add(EXTRA_QUARTERS)
}
