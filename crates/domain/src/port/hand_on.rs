/// Hands methods of [`Store`](crate::port::Store) on to the store behind: for stores that stand in front of another one,
/// which is in the field that is named first, and do something of their own in some methods only.
///
/// Every method is named, so that one that comes new to the port does not slip past a store whose author never heard of
/// it: it does not compile before somebody has decided.
///
/// ```text
/// impl Store for Counted {
///     fn append(&self, entries: &[Entry], refusals: &[Refusal]) -> Result<Vec<bool>, StoreError> { .. }
///
///     hand_on!(store: load, commit, found, correct, spend, ..);
/// }
/// ```
#[macro_export]
macro_rules! hand_on {
    ($behind:ident: $($method:ident),+ $(,)?) => {
        $($crate::hand_on!(@ $method $behind);)+
    };
    // For each method its inputs, and what it answers with when it does not fail.
    (@ load $behind:ident) => {
        $crate::hand_on!(= load $behind () $crate::port::Records);
    };
    (@ commit $behind:ident) => {
        $crate::hand_on!(= commit $behind (
            changes: &[$crate::port::Change],
            audit: &$crate::audit::AuditDraft
        ) u64);
    };
    (@ found $behind:ident) => {
        $crate::hand_on!(= found $behind (
            install: $crate::ids::InstallId,
            vault: &[$crate::port::VaultRecord],
            audit: &$crate::audit::AuditDraft
        ) ());
    };
    (@ append $behind:ident) => {
        $crate::hand_on!(= append $behind (
            entries: &[$crate::ledger::Entry],
            refusals: &[$crate::ledger::Refusal]
        ) Vec<bool>);
    };
    (@ correct $behind:ident) => {
        $crate::hand_on!(= correct $behind (
            corrections: &[$crate::ledger::Entry],
            audit: &$crate::audit::AuditDraft
        ) ());
    };
    (@ spend $behind:ident) => {
        $crate::hand_on!(= spend $behind (query: &$crate::ledger::SpendQuery) Vec<$crate::ledger::Spend>);
    };
    (@ requests $behind:ident) => {
        $crate::hand_on!(= requests $behind (
            filter: &$crate::ledger::RequestFilter
        ) Vec<$crate::ledger::RequestRow>);
    };
    (@ request $behind:ident) => {
        $crate::hand_on!(= request $behind (id: $crate::ids::RequestId) Option<$crate::ledger::RequestRow>);
    };
    (@ entries $behind:ident) => {
        $crate::hand_on!(= entries $behind (filter: &$crate::ledger::EntryFilter) Vec<$crate::ledger::Entry>);
    };
    (@ usage $behind:ident) => {
        $crate::hand_on!(= usage $behind (query: &$crate::ledger::UsageQuery) Vec<$crate::ledger::UsageRow>);
    };
    (@ reconcile $behind:ident) => {
        $crate::hand_on!(= reconcile $behind (
            query: &$crate::ledger::ReconcileQuery
        ) $crate::ledger::Reconciliation);
    };
    (@ audit $behind:ident) => {
        $crate::hand_on!(= audit $behind (before: Option<u64>, limit: u32) Vec<$crate::audit::AuditEntry>);
    };
    (@ ledger_totals $behind:ident) => {
        $crate::hand_on!(= ledger_totals $behind () $crate::port::LedgerTotals);
    };
    (@ credential_spend $behind:ident) => {
        $crate::hand_on!(= credential_spend $behind (
            since: $crate::time::Timestamp
        ) Vec<$crate::port::CredentialSpend>);
    };
    (@ standings $behind:ident) => {
        $crate::hand_on!(= standings $behind () Vec<$crate::standing::KeyStanding>);
    };
    (@ put_standings $behind:ident) => {
        $crate::hand_on!(= put_standings $behind (events: &[$crate::standing::KeyEvent]) ());
    };
    (@ key_events $behind:ident) => {
        $crate::hand_on!(= key_events $behind (
            filter: &$crate::standing::KeyEventFilter
        ) Vec<(u64, $crate::standing::KeyEvent)>);
    };
    (@ forget_key_events $behind:ident) => {
        $crate::hand_on!(= forget_key_events $behind (before: $crate::time::Timestamp) ());
    };
    (@ put_bindings $behind:ident) => {
        $crate::hand_on!(= put_bindings $behind (bindings: &[$crate::binding::Binding]) ());
    };
    (@ bindings $behind:ident) => {
        $crate::hand_on!(= bindings $behind (limit: u32) Vec<$crate::binding::Binding>);
    };
    (@ forget_bindings $behind:ident) => {
        $crate::hand_on!(= forget_bindings $behind (before: $crate::time::Timestamp) ());
    };
    (@ put_lease $behind:ident) => {
        $crate::hand_on!(= put_lease $behind (
            lease: &$crate::lease::Lease,
            audit: Option<&$crate::audit::AuditDraft>
        ) ());
    };
    (@ lease $behind:ident) => {
        $crate::hand_on!(= lease $behind (id: $crate::ids::RequestId) Option<$crate::lease::Lease>);
    };
    (@ open_leases $behind:ident) => {
        $crate::hand_on!(= open_leases $behind () Vec<$crate::lease::Lease>);
    };
    (@ forget_leases $behind:ident) => {
        $crate::hand_on!(= forget_leases $behind (before: $crate::time::Timestamp) ());
    };
    (@ named_calls $behind:ident) => {
        $crate::hand_on!(= named_calls $behind (since: $crate::time::Timestamp, limit: u32) Vec<$crate::call_name::NamedCall>);
    };
    (@ forget_named_calls $behind:ident) => {
        $crate::hand_on!(= forget_named_calls $behind (before: $crate::time::Timestamp) ());
    };
    (= $method:ident $behind:ident ($($name:ident: $input:ty),*) $answer:ty) => {
        fn $method(&self, $($name: $input),*) -> Result<$answer, $crate::port::StoreError> {
            self.$behind.$method($($name),*)
        }
    };
}
