//! The background validator's task: a round every now and then, for as long as the server runs.

use std::sync::Arc;
use std::time::Duration;

use keyward_admin::control::Control;
use keyward_admin::operation::health::{Rounds, validate_due};
use tokio::task::JoinSet;

/// How often it is looked which keys' time has come.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Goes on until the set is dropped.
pub fn begin(control: &Arc<Control>, idle_after: Option<Duration>) -> JoinSet<()> {
    let mut task = JoinSet::new();
    if let Some(idle_after) = idle_after {
        let control = Arc::clone(control);
        task.spawn(async move { go_round(&control, idle_after).await });
    }
    task
}

async fn go_round(control: &Control, idle_after: Duration) {
    let mut rounds = Rounds::default();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        if let Err(error) = validate_due(control, idle_after, &mut rounds).await {
            tracing::warn!(%error, "keys could not be validated in the background");
        }
    }
}
