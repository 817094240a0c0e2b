//! What it means when nobody answers.

use std::borrow::Cow;

use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};

/// Why there is no answer to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotAnswered {
    /// Nobody is there, or not where we may connect: refused, unreachable, no such name.
    Connect,
    /// No connection in time.
    ConnectTimeout,
    /// The certificate could not be verified, or no cipher could be agreed on.
    Tls,
    /// The connection broke before the head of the answer was there; the provider may have got the request.
    Broken,
    /// A connection, the request sent, and no answer in time.
    Silent,
    /// What came is not HTTP.
    Malformed,
}

impl NotAnswered {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Connect, Self::ConnectTimeout, Self::Tls, Self::Broken, Self::Silent, Self::Malformed];
}

/// Judges what never answered. It says nothing about the key: only the way there, and whoever shares it, is to blame.
pub fn not_answered(why: NotAnswered) -> Judgement {
    let (next, trouble, reason) = match why {
        // The next call to the same address would meet the same.
        NotAnswered::Connect => (Next::OtherDeployment, Trouble::NotAnswered, "no connection to the provider"),
        NotAnswered::ConnectTimeout => (Next::OtherDeployment, Trouble::TimedOut, "no connection in time"),
        NotAnswered::Tls => {
            (Next::OtherDeployment, Trouble::NotAnswered, "the provider's certificate was not accepted")
        }
        // A connection that was kept may have been closed at that moment; a new one is worth a try.
        NotAnswered::Broken => (Next::Retry, Trouble::NotAnswered, "the connection to the provider broke"),
        NotAnswered::Silent => (Next::OtherDeployment, Trouble::TimedOut, "the provider did not answer in time"),
        NotAnswered::Malformed => (Next::OtherDeployment, Trouble::Unusable, "the provider's answer was not HTTP"),
    };
    let blame = Blame::Network;
    Judgement { blame, lasts: Lasts::Moment, next, trouble, reason: Cow::Borrowed(reason), known: true }
}
