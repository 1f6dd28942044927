//! Where a notice goes besides the feed.

use super::{Announce, NoticeRow};
use crate::{
    config::Env,
    outbox::{Message, NOTICE, Target},
    tenant::TenantScope,
};
use serde_json::json;

/// The ways by which a notice goes out besides the feed, which is the source of truth: each where its setting is not empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// To the person, by e-mail: `EMAIL_FROM`.
    pub email: bool,
    /// To the systems of the app's team, as a signed webhook: `WEBHOOK_URL`.
    pub webhook: bool,
}

impl Channels {
    /// As the environment says.
    pub fn from_env(env: &Env) -> Self {
        let set = |value: Option<String>| value.is_some_and(|value| !value.is_empty());
        Self { email: set(env.optional("EMAIL_FROM")), webhook: set(env.optional("WEBHOOK_URL")) }
    }
}

/// The name of the message by which a notice goes out to a target.
pub fn message_id(notice: &str, target: Target) -> String {
    format!("{notice}-{}", target.name())
}

impl Announce for Channels {
    /// The mail carries the texts in every language, since the person's is known when it is sent; the webhook carries none, nor the
    /// context, which may hold codes.
    fn messages(&self, _: &TenantScope, notice: &NoticeRow) -> Vec<Message> {
        let message =
            |target, payload| Message { id: message_id(&notice.id, target), target, topic: NOTICE.to_owned(), payload };
        let mail = json!({"person": notice.person, "texts": notice.texts});
        let refs: Vec<_> = notice.decisions.iter().filter_map(|decision| decision.decision_ref.as_deref()).collect();
        let hook = json!({
            "id": notice.id, "userId": notice.person, "category": notice.category.as_str(), "count": notice.count,
            "decision_refs": refs, "created_at": notice.created_at,
        });
        let mail = self.email.then(|| message(Target::Email, mail));
        let hook = self.webhook.then(|| message(Target::Webhook, hook));
        mail.into_iter().chain(hook).collect()
    }
}
