//! What every store must do. Each check is a function over the port, run on each backend.

mod agreement;
mod audit;
mod bindings;
mod configuration;
mod corrections;
mod leases;
mod ledger;
mod named_calls;
mod reconciliation;
mod reports;
pub mod spend;
mod standings;
mod tenancy;
mod zones;

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
    named_calls::a_row_that_was_made_under_a_name_keeps_it,
    named_calls::of_what_nothing_came_no_name_is_kept,
    named_calls::the_later_call_of_a_name_counts,
    named_calls::old_names_are_forgotten,
    spend::whom_a_row_is_attributed_to_comes_back,
    spend::a_row_counts_in_every_scope_that_it_touches,
    spend::a_repeated_row_is_not_new_and_counts_once,
    spend::quarters_go_by_when_attempts_began,
    spend::corrections_change_what_was_spent_and_are_no_attempts,
    corrections::a86_a_correction_may_exceed_what_was_spent,
    corrections::corrections_and_their_audit_entry_are_added_both_or_neither,
    corrections::what_gives_an_attempt_a_price_takes_it_from_the_unpriced,
    corrections::a_corrected_request_is_still_what_its_attempts_made_it,
    reconciliation::sums_agree_with_their_rows_whatever_happened,
    tenancy::tenants_teams_users_budgets_and_limits_come_back,
    tenancy::who_has_something_stays,
    reports::the_log_is_newest_first_in_pages,
    reports::the_log_can_be_filtered,
    reports::a_page_has_a_limit,
    reports::usage_is_summed_by_any_dimension,
    reports::usage_without_groups_is_one_line,
    reports::usage_is_limited_to_whole_quarters,
    reports::days_begin_at_midnight_utc,
    reports::rows_come_in_pages_by_when_their_attempts_began,
    zones::m10_daily_reports_sum_to_the_range_in_any_zone,
    zones::weeks_and_months_begin_at_the_midnight_of_the_zone,
    zones::who_is_nobody_has_a_line_without_a_name,
    zones::a_row_with_several_tags_counts_in_each_and_once_in_all,
    reports::what_keys_were_charged_since_midnight,
    standings::a_standing_and_its_event_come_back_as_they_were,
    standings::the_last_event_is_the_standing_of_its_key_and_model,
    standings::an_active_key_has_no_standing,
    standings::a_batch_of_events_may_be_repeated,
    standings::events_are_newest_first_in_pages,
    standings::old_events_are_forgotten_and_positions_are_not_given_again,
    standings::a_removed_key_leaves_its_events,
    standings::the_standings_of_a_key_with_models_have_a_limit,
    bindings::bindings_are_newest_first,
    bindings::of_two_bindings_the_later_one_counts,
    bindings::old_bindings_are_forgotten,
    bindings::a_binding_outlives_its_key,
    bindings::bindings_have_a_limit,
    leases::a_lease_comes_back_as_it_was,
    leases::a_lease_ends_once,
    leases::what_was_settled_when_a_lease_was_taken_stays,
    leases::a_take_and_a_report_may_be_repeated,
    leases::of_two_reports_one_counts,
    leases::open_leases_are_listed_by_their_end,
    leases::old_leases_are_forgotten_when_they_have_ended,
}
