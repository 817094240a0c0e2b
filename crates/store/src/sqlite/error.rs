//! SQLite's errors as sentences that say what to do.

use keyward_domain::port::StoreError;
use rusqlite::{Error, ErrorCode, ffi};

/// What a failed statement means to the caller of the store.
#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
pub(super) fn failed(error: Error) -> StoreError {
    let Error::SqliteFailure(code, _) = &error else { return unexpected(&error) };
    let sentence = match code.code {
        ErrorCode::DiskFull => "the disk is full: free some space and try again",
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            "another program holds the database: close it and try again"
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            "the database cannot be written: check who owns its folder, and that the disk is not read-only"
        }
        ErrorCode::SystemIoFailure => "the disk reported an error: check the system log, then start Keyward again",
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            return StoreError::Damaged(format!("{error}: restore the latest backup of the database"));
        }
        _ => return unexpected(&error),
    };
    StoreError::Failed(format!("{sentence} ({error})"))
}

fn unexpected(error: &Error) -> StoreError {
    match error {
        Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..) | Error::IntegralValueOutOfRange(..) => {
            StoreError::Damaged(format!("a value of an unexpected kind ({error})"))
        }
        _ => StoreError::Failed(error.to_string()),
    }
}

/// Which rule of a table a statement broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// The primary key is there already.
    Key,
    /// A unique column is taken.
    Unique,
    /// Something refers to it, or what it refers to is not there.
    Reference,
}

/// The rule that this error is about, if it is about one.
pub(super) fn broken_rule(error: &Error) -> Option<Broken> {
    let Error::SqliteFailure(code, _) = error else { return None };
    match code.extended_code {
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => Some(Broken::Key),
        ffi::SQLITE_CONSTRAINT_UNIQUE => Some(Broken::Unique),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Some(Broken::Reference),
        _ => None,
    }
}
