//! A feed as server-sent events. Whoever reads has to be allowed to all the time, not only at the beginning.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::HeaderMap;
use keyward_domain::port::Records;

use super::routes::Row;
use super::{Door, authenticate};
use crate::control::{Feed, Told};
use crate::operation::event::EventView;

/// A comment: readers leave it out.
const NOTHING: &[u8] = b": nothing happened\n\n";

/// How long what was looked up counts: a token that is revoked is heard of within this time.
const FRESH: Duration = Duration::from_secs(1);

struct Follower {
    door: Door,
    row: &'static Row,
    headers: HeaderMap,
    feed: Feed,
    is_new: bool,
    /// When it was last looked whether this reader may read, and the records then.
    looked: Option<(Duration, Records)>,
}

/// The body of the answer.
pub(super) fn body(door: Door, row: &'static Row, headers: HeaderMap, feed: Feed) -> Body {
    let follower = Follower { door, row, headers, feed, is_new: true, looked: None };
    Body::from_stream(stream::unfold(follower, |mut follower| async {
        let bytes = follower.next().await?;
        Some((Ok::<_, Infallible>(bytes), follower))
    }))
}

impl Follower {
    /// The next piece; `None` when the process ends, or when the reader is no longer allowed to read.
    async fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.is_new) {
            // So that readers know at once that they are heard.
            return Some(Bytes::from_static(b": following\n\n"));
        }
        let told = self.feed.next().await?;
        let records = self.look().await?;
        let view = match told {
            Told::Nothing => return Some(Bytes::from_static(NOTHING)),
            Told::Missed(missed) => EventView::Missed { missed },
            Told::Happened(happening) => EventView::of(&happening, records),
        };
        let data = serde_json::to_string(&view).unwrap_or_default();
        Some(Bytes::from(format!("event: {}\ndata: {data}\n\n", view.event_name())))
    }

    /// The records, for a reader that may read.
    async fn look(&mut self) -> Option<&Records> {
        let control = &self.door.plane.control;
        let now = control.moment().monotonic;
        if self.looked.as_ref().is_none_or(|(at, _)| now.saturating_sub(*at) >= FRESH) {
            let principal = authenticate::still(&self.door, &self.headers).await.ok()?;
            self.row.permit(&principal).ok()?;
            self.looked = Some((now, control.records().await.ok()?));
        }
        self.looked.as_ref().map(|(_, records)| records)
    }
}
