//! What every store must do. Each check is a function over the port, run on each backend.

mod audit;
mod configuration;
mod ledger;
mod reports;

use keyward_domain::port::Store;
use keyward_store::memory::MemoryStore;
use keyward_store::sqlite::SqliteStore;

use crate::support::{Home, ManualClock};

fn on_memory(check: fn(&dyn Store)) {
    check(&MemoryStore::new());
}

fn on_sqlite(check: fn(&dyn Store)) {
    let home = Home::new();
    check(&SqliteStore::open(&home.database(), ManualClock::new().as_ref()).unwrap());
}

/// Names every check once and runs it on every backend.
macro_rules! conformance {
    ($($module:ident::$check:ident,)*) => {
        mod memory {
            $(#[test] fn $check() { super::on_memory(super::$module::$check); })*
        }
        mod sqlite {
            $(#[test] fn $check() { super::on_sqlite(super::$module::$check); })*
        }
    };
}

conformance! {
    configuration::an_empty_store_is_empty,
    configuration::every_kind_of_record_comes_back_as_it_was,
    configuration::every_kind_of_record_can_be_changed_and_removed,
    configuration::a_revision_that_does_not_follow_is_a_conflict,
    configuration::names_are_unique,
    configuration::a_name_that_was_given_up_is_free,
    configuration::a_provider_with_keys_stays,
    configuration::a_key_needs_its_provider,
    configuration::all_changes_or_none,
    configuration::an_installation_is_founded_once,
    configuration::of_two_writers_with_the_same_revision_one_wins,
    audit::audit_positions_have_no_gaps,
    audit::an_entry_comes_back_as_it_was,
    audit::pages_go_backwards,
    ledger::rows_come_back_as_they_were,
    ledger::a_batch_may_be_repeated,
    ledger::the_first_row_of_an_attempt_stays,
    ledger::m11_one_row_for_each_attempt,
    ledger::totals_tell_what_is_unknown,
    ledger::sums_stop_at_the_largest_number,
    reports::the_log_is_newest_first_in_pages,
    reports::the_log_can_be_filtered,
    reports::a_page_has_a_limit,
    reports::usage_is_summed_by_any_dimension,
    reports::usage_without_groups_is_one_line,
    reports::usage_is_limited_to_whole_hours,
    reports::days_begin_at_midnight_utc,
}
