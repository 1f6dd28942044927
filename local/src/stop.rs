//! Telling everything that runs to end.

use tokio::sync::watch;

/// Ends what waits on its [`Stopped`], when told or dropped.
#[derive(Debug)]
pub(crate) struct Stop(watch::Sender<bool>);

/// Waits for the end.
#[derive(Clone, Debug)]
pub(crate) struct Stopped(watch::Receiver<bool>);

impl Stop {
    pub(crate) fn new() -> (Self, Stopped) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stopped(receiver))
    }

    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Stopped {
    pub(crate) async fn wait(mut self) {
        // An error is a sender that is gone, which means the same.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}
