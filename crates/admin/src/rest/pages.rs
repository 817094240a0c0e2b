//! Text that is written page by page, as the body of an answer. What fails on the way breaks the answer off: the client
//! must not take a part for the whole.

use std::sync::Arc;

use axum::body::Body;
use futures_util::stream;

use super::Plane;
use crate::control::Pages;
use crate::error::AdminError;

/// The body of the answer.
pub(super) fn body(plane: Arc<Plane>, pages: Pages) -> Body {
    Body::from_stream(stream::unfold(Some((plane, pages)), |state| async {
        let (plane, mut pages) = state?;
        match pages.next(&plane.control).await {
            Ok(Some(text)) => Some((Ok::<_, AdminError>(text), Some((plane, pages)))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }))
}
