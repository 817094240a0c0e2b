//! A whole data plane around the scripted provider: memory store, file journal, vault with a key file.

mod client;
mod disk;
mod pool;
mod surface;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keyward_domain::audit::AuditDraft;
use keyward_domain::budget::UnknownPrice;
use keyward_domain::catalog::Catalog;
use keyward_domain::credential::{Credential, CredentialState};
use keyward_domain::ids::{AuditId, CredentialId, InstallId, ProviderId, TenantId};
use keyward_domain::ledger::{Entry, RequestFilter, RequestRow};
use keyward_domain::origin::BaseUrl;
use keyward_domain::port::{Change, Clock, Counters, Entropy, Store, Tokenizer};
use keyward_domain::principal::Principal;
use keyward_domain::provider::{Provider, ProviderKind};
use keyward_domain::routing::{Concurrency, KeyTerms, Strategy};
use keyward_domain::secret::Secret;
use keyward_domain::standing::KeyEvent;
use keyward_domain::tenancy::{Team, User};
use keyward_domain::time::Timestamp;
use keyward_domain::token::{Environment, MintedToken};
use keyward_domain::virtual_key::{Claims, DisconnectPolicy, Grant, KeyStatus, VirtualKey};
use keyward_gateway::{
    Bindings, Counting, Forgetful, Gateway, Living, Metrics, Options, Running, Snapshot, SnapshotHandle,
};
use keyward_limit::book::Booked;
use keyward_limit::rate::InProcess;
use keyward_pool::{Moment, Notice, Registry, Settings};
use keyward_store::journal::{self, FileJournals, Observer};
use keyward_store::memory::MemoryStore;
use keyward_testkit::provider::{ScriptedProvider, Vendor};
use keyward_testkit::{ManualClock, SeededEntropy};
use keyward_vault::{Place, RootHolder, Vault, create_key_file};

use disk::Disk;

pub(crate) use client::{Answer, Client};
pub(crate) use pool::{CHAT, PATH, chat_of, code, rest_of, streamed};
pub(crate) use surface::{Surface, events, whole_until};

/// When every test begins.
pub(crate) const BEGIN: Timestamp = Timestamp::from_unix_millis(1_795_000_000_000);

/// A running data plane and everything around it.
pub(crate) struct House {
    pub(crate) provider: ScriptedProvider,
    pub(crate) store: Arc<MemoryStore>,
    /// The store as those who spend have it.
    pub(crate) booked: Arc<Booked>,
    /// What was spent and used.
    pub(crate) counting: Counting,
    /// The counters themselves.
    pub(crate) in_process: Arc<InProcess>,
    /// What becomes of models without a price.
    pub(crate) unknown_price: UnknownPrice,
    pub(crate) clock: ManualClock,
    /// What is known of every key.
    pub(crate) registry: Arc<Registry>,
    /// Every change of a standing.
    pub(crate) heard: Heard,
    pub(crate) entropy: Arc<SeededEntropy>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) snapshot: SnapshotHandle,
    /// A live virtual key that may do everything.
    pub(crate) key: String,
    /// Makes the ids of records, the same in every run and in the order in which records are added.
    ids: (SeededEntropy, AtomicU64),
    catalog: Arc<Catalog>,
    journals: Option<Arc<FileJournals>>,
    /// While it is set, nothing can be written to the ledger.
    pub(crate) disk_is_full: Arc<AtomicBool>,
    pub(crate) disk_is_broken: Arc<AtomicBool>,
    options: Options,
    running: Option<Running>,
    home: tempfile::TempDir,
}

/// Hears every change of a standing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<std::sync::Mutex<Vec<KeyEvent>>>);

impl Notice for Heard {
    fn changed(&self, event: KeyEvent) {
        self.0.lock().unwrap().push(event);
    }
}

impl Heard {
    /// What was heard so far.
    pub(crate) fn events(&self) -> Vec<KeyEvent> {
        self.0.lock().unwrap().clone()
    }
}

impl House {
    /// The usual house: one key at each of the three vendors.
    pub(crate) fn open() -> Self {
        Self::with(|_| {})
    }

    /// The usual house with other options.
    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut house = Self::empty(change);
        for (vendor, kind, name) in [
            (Vendor::OpenAi, ProviderKind::OpenAi, "openai"),
            (Vendor::Anthropic, ProviderKind::Anthropic, "anthropic"),
            (Vendor::Gemini, ProviderKind::Gemini, "gemini"),
        ] {
            house.add_provider(name, kind, &house.provider.pinned_url(vendor), Some(name));
            let secret = house.provider.add_key(vendor, &format!("{name}-1"));
            house.add_credential(name, &format!("{name}-1"), &secret);
        }
        house.key = house.add_key("everything", Grant::default());
        house.publish();
        house
    }

    /// A house without providers and keys.
    pub(crate) fn empty(change: impl FnOnce(&mut Options)) -> Self {
        Self::empty_with(None, change)
    }

    /// The same, with prompts counted by this tokenizer.
    pub(crate) fn empty_with(tokenizer: Option<Arc<dyn Tokenizer>>, change: impl FnOnce(&mut Options)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (clock, entropy) = (ManualClock::at(BEGIN), Arc::new(SeededEntropy::new(7)));
        let store = Arc::new(MemoryStore::new());
        let file = home.path().join("root.key");
        create_key_file(&file, &*entropy).unwrap();
        let install = InstallId::mint(BEGIN, &*entropy).unwrap();
        let (vault, records) = Vault::found(install, &RootHolder::KeyFile(file), &*entropy, BEGIN).unwrap();
        let vault = Arc::new(vault);
        store.found(install, &records, &draft(&entropy)).unwrap();
        let metrics = Arc::new(Metrics::default());
        let in_process = Arc::new(InProcess::default());
        let counting = Counting { counters: Arc::clone(&in_process) as _, tokenizer, ..Counting::default() };
        let booked = Arc::new(Booked::over(Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&counting.book)));
        let (disk_is_full, disk_is_broken) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
        let catalog = Arc::new(Catalog::shipped().unwrap());
        let heard = Heard::default();
        let registry = Arc::new(Registry::new(Settings::default(), Box::new(heard.clone())));
        let moment = Moment::new(clock.now(), clock.monotonic());
        let unknown_price = UnknownPrice::Refuse;
        let living = Living { catalog: &catalog, vault: &vault, registry: &registry, moment, unknown_price };
        let snapshot = SnapshotHandle::new(Snapshot::build(&store.load().unwrap(), &living));
        let mut options = Options::listening("127.0.0.1:0".parse().unwrap());
        // Most tests want to see a refusal at once.
        options.queue.wait = Duration::ZERO;
        change(&mut options);
        let mut house = Self {
            provider: ScriptedProvider::start_blocking(),
            store,
            booked,
            counting,
            in_process,
            unknown_price,
            clock,
            entropy,
            vault,
            metrics,
            snapshot,
            registry,
            heard,
            key: String::new(),
            ids: (SeededEntropy::new(11), AtomicU64::new(0)),
            catalog,
            journals: None,
            disk_is_full,
            disk_is_broken,
            options,
            running: None,
            home,
        };
        house.start();
        house
    }

    /// Starts the data plane, as a process that begins does.
    fn start(&mut self) {
        let observer = Arc::clone(&self.metrics);
        let observer: Observer = Arc::new(move |entries: &[Entry]| observer.settled(entries));
        let options = journal::Options { observer: Some(observer), ..journal::Options::default() };
        let (store, clock) = (Arc::clone(&self.booked) as Arc<dyn Store>, Arc::new(self.clock.clone()));
        let folder = self.home.path().join("journal");
        let (journals, _) = FileJournals::open(&folder, Arc::clone(&store), Arc::clone(&clock) as _, options).unwrap();
        let journals = Arc::new(journals);
        let (is_full, is_broken) = (Arc::clone(&self.disk_is_full), Arc::clone(&self.disk_is_broken));
        let gateway = Gateway {
            options: self.options.clone(),
            snapshot: self.snapshot.clone(),
            vault: Arc::clone(&self.vault),
            journals: Arc::new(Disk { journals: Arc::clone(&journals) as _, is_full, is_broken }),
            clock,
            entropy: Arc::clone(&self.entropy) as Arc<dyn Entropy>,
            metrics: Arc::clone(&self.metrics),
            bindings: Arc::new(Bindings::new(Box::new(Forgetful))),
            leases: store,
            counting: self.counting.clone(),
        };
        self.running = Some(gateway.start().unwrap());
        self.journals = Some(journals);
    }

    /// Ends the process and begins another one on what is left: the store, the journal and the clock.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.in_process = Arc::new(InProcess::default());
        self.reopen_book();
        self.counting.counters = Arc::clone(&self.in_process) as _;
        self.publish();
        self.start();
    }

    /// Ends the process and begins another one that counts limits there.
    pub(crate) fn count_at(&mut self, counters: Arc<dyn Counters>) {
        self.stop();
        self.reopen_book();
        self.counting.counters = counters;
        self.publish();
        self.start();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().local_addr()
    }

    /// A new connection to the data plane that sends the house's key where OpenAI's SDK would.
    pub(crate) fn client(&self) -> Client {
        self.client_with(&self.key)
    }

    pub(crate) fn client_with(&self, key: &str) -> Client {
        Client::connect(self.address(), key)
    }

    pub(crate) fn add_provider(&self, name: &str, kind: ProviderKind, url: &str, catalog: Option<&str>) -> ProviderId {
        let id = ProviderId::mint(self.next_moment(), &self.ids.0).unwrap();
        self.commit(Change::PutProvider(Provider {
            id,
            tenant: TenantId::DEFAULT,
            name: name.to_owned(),
            kind,
            base_url: url.parse().unwrap(),
            enabled: true,
            free: false,
            strategy: Strategy::default(),
            concurrency: Concurrency::default(),
            rules: Vec::new(),
            catalog: catalog.map(str::to_owned),
            created_at: BEGIN,
            revision: 1,
        }));
        id
    }

    pub(crate) fn add_credential(&self, provider: &str, name: &str, secret: &str) -> CredentialId {
        let provider = self.store.load().unwrap().providers.into_iter().find(|p| p.name == provider).unwrap();
        self.add_credential_for(&provider, name, secret, &provider.base_url)
    }

    pub(crate) fn add_credential_for(
        &self,
        provider: &Provider,
        name: &str,
        secret: &str,
        sealed_for: &BaseUrl,
    ) -> CredentialId {
        let secret = Secret::from(secret.to_owned());
        let mut credential = Credential {
            id: CredentialId::mint(self.next_moment(), &self.ids.0).unwrap(),
            tenant: TenantId::DEFAULT,
            provider: provider.id,
            name: name.to_owned(),
            state: CredentialState::Active,
            hint: keyward_vault::hint(&secret),
            envelope: Vec::new(),
            seal_version: 1,
            sealed_for: sealed_for.clone(),
            blind_index: self.vault.blind_index(&secret).unwrap().to_vec(),
            models: Vec::new(),
            proof: None,
            terms: KeyTerms::default(),
            created_at: BEGIN,
            revision: 1,
        };
        credential.envelope = self.vault.seal(&Place::of_credential(&credential), &secret, &*self.entropy).unwrap();
        let id = credential.id;
        self.commit(Change::PutCredential(credential));
        id
    }

    /// A live virtual key with this grant.
    pub(crate) fn add_key(&self, name: &str, grant: Grant) -> String {
        self.add_key_with(name, |key| key.grant = grant)
    }

    /// A live virtual key, changed before it is stored.
    pub(crate) fn add_key_with(&self, name: &str, change: impl FnOnce(&mut VirtualKey)) -> String {
        let minted = MintedToken::mint(Environment::Live, &*self.entropy).unwrap();
        let mut key = VirtualKey {
            id: minted.id,
            tenant: TenantId::DEFAULT,
            name: name.to_owned(),
            environment: Environment::Live,
            status: KeyStatus::Active,
            tokens: vec![self.vault.hash_token(minted.token.expose()).unwrap()],
            grant: Grant::default(),
            on_disconnect: DisconnectPolicy::Abort,
            tags: Vec::new(),
            team: None,
            user: None,
            claims: Claims::default(),
            created_at: BEGIN,
            not_before: None,
            expires_at: None,
            revision: 1,
        };
        change(&mut key);
        self.add_parents(&key);
        self.commit(Change::PutVirtualKey(key));
        self.publish();
        String::from_utf8(minted.token.expose().to_vec()).unwrap()
    }

    /// The team and the user of a key, restricting nothing, unless they are there.
    fn add_parents(&self, key: &VirtualKey) {
        let (records, tenant, grant) = (self.store.load().unwrap(), key.tenant, Grant::default());
        if let Some(id) = key.team.filter(|id| !records.teams.iter().any(|team| team.id == *id)) {
            let (name, grant) = (id.to_string(), grant.clone());
            let team = Team { id, tenant, name, enabled: true, grant, created_at: BEGIN, revision: 1 };
            self.commit(Change::PutTeam(team));
        }
        if let Some(id) = key.user.filter(|id| !records.users.iter().any(|user| user.id == *id)) {
            let (name, team) = (id.to_string(), None);
            let user = User { id, tenant, team, name, enabled: true, grant, created_at: BEGIN, revision: 1 };
            self.commit(Change::PutUser(user));
        }
    }

    /// Records are made a millisecond apart, so that their ids sort as they were made.
    fn next_moment(&self) -> Timestamp {
        BEGIN.plus(Duration::from_millis(self.ids.1.fetch_add(1, Ordering::Relaxed)))
    }

    /// The stored record of the virtual key with this name.
    pub(crate) fn virtual_key(&self, name: &str) -> VirtualKey {
        self.store.load().unwrap().virtual_keys.into_iter().find(|key| key.name == name).unwrap()
    }

    /// Switches a provider key off, as `keyward key disable` does.
    pub(crate) fn disable(&self, name: &str) {
        self.change_key(name, |key| key.state = CredentialState::Disabled);
    }

    /// Changes a key's record and puts that into effect.
    pub(crate) fn change_key(&self, name: &str, change: impl FnOnce(&mut Credential)) {
        let mut credential = self.store.load().unwrap().credentials.into_iter().find(|key| key.name == name).unwrap();
        change(&mut credential);
        credential.revision += 1;
        self.commit(Change::PutCredential(credential));
        self.publish();
    }

    /// Has a provider's keys chosen in this way.
    pub(crate) fn set_strategy(&self, provider: &str, strategy: Strategy) {
        let mut provider = self.store.load().unwrap().providers.into_iter().find(|one| one.name == provider).unwrap();
        provider.strategy = strategy;
        provider.revision += 1;
        self.commit(Change::PutProvider(provider));
        self.publish();
    }

    /// Every byte of the journal as it lies on disk now.
    pub(crate) fn journal_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.home.path().join("journal")).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap_or_default()).collect()
    }

    pub(crate) fn commit(&self, change: Change) {
        self.store.commit(&[change], &draft(&self.entropy)).unwrap();
    }

    /// Makes what was committed visible to requests.
    pub(crate) fn publish(&self) {
        let (catalog, vault, registry) = (&self.catalog, &*self.vault, &*self.registry);
        let living = Living { catalog, vault, registry, moment: self.moment(), unknown_price: self.unknown_price };
        let next = Snapshot::build(&self.store.load().unwrap(), &living);
        self.booked.fill(next.budgets(), self.clock.now()).unwrap();
        self.snapshot.publish(next);
        self.counting.book.retain(self.snapshot.load().budgets());
    }

    /// Now, on both of the house's clocks.
    pub(crate) fn moment(&self) -> Moment {
        Moment::new(self.clock.now(), self.clock.monotonic())
    }

    /// The request log once everything is settled and projected: stops the gateway first.
    pub(crate) fn rows(&mut self) -> Vec<RequestRow> {
        self.stop();
        self.store.requests(&RequestFilter { limit: 10_000, ..RequestFilter::default() }).unwrap()
    }

    /// All ledger entries, oldest first.
    pub(crate) fn entries(&mut self) -> Vec<Entry> {
        let mut entries: Vec<_> = self.rows().into_iter().flat_map(|row| row.attempts).collect();
        entries.sort_by_key(|entry| entry.subject.attempt);
        entries
    }

    /// All ledger entries that are in the store by now, oldest first.
    pub(crate) fn store_entries(&self) -> Vec<Entry> {
        let rows = self.store.requests(&RequestFilter { limit: 10_000, ..RequestFilter::default() }).unwrap();
        let mut entries: Vec<_> = rows.into_iter().flat_map(|row| row.attempts).collect();
        entries.sort_by_key(|entry| entry.subject.attempt);
        entries
    }

    /// Waits until every attempt that money was held for has its row in the store.
    pub(crate) fn settle(&self) {
        let begun = std::time::Instant::now();
        while self.counting.book.pending() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} attempts stay open", self.counting.book.pending());
            std::thread::yield_now();
        }
    }

    /// Waits until something is so.
    pub(crate) fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let begun = std::time::Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it never came to that");
            std::thread::yield_now();
        }
    }

    /// Forgets what was held and spent, as the end of the process does.
    pub(crate) fn reopen_book(&mut self) {
        self.counting = Counting::default();
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        self.booked = Arc::new(Booked::over(store, Arc::clone(&self.counting.book)));
    }

    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.drain(Duration::from_secs(5));
        }
        if let Some(journals) = self.journals.take() {
            journals.close().unwrap();
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}

fn draft(entropy: &SeededEntropy) -> AuditDraft {
    AuditDraft::done(AuditId::mint(BEGIN, entropy).unwrap(), BEGIN, &Principal::System, "test.setup", &"house")
}
