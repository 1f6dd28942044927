//! The outbox: what is written with a deed reaches the world outside, at least once and in the end.

mod crashes;
mod faults;
mod letters;

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use local::Options;
use outbox_drain::{App, Config, Report};
use shared::{
    config::Env,
    ids::PersonId,
    outbox::{Message, MessageRow, Outbox, State, Target, TenantOutbox},
    preferences::{Email, Preferences, PreferencesTable},
    private::Private,
    table::Table,
    tenant::{Sweep, TenantScope},
};
use tests::vendors::{Answer, Fault, Receiver, Receives, Vendor};

const FROM: &str = "store@example.com";
const KEY: [u8; 32] = [7; 32];

/// A bundle that sends, and the two that receive.
struct World {
    bundle: Bundle,
    mail: Receiver,
    hook: Receiver,
}

fn secret(key: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}

fn greenleaf() -> TenantScope {
    tenant("t_greenleaf")
}

fn tenant(id: &str) -> TenantScope {
    TenantScope::for_job(Sweep::OutboxDrain, id.parse().unwrap())
}

fn webhook(id: &str) -> Message {
    let payload = json!({"artifact": "art_1"});
    Message { id: id.to_owned(), target: Target::Webhook, topic: "artifact.undo_requested".to_owned(), payload }
}

fn letter(id: &str) -> Message {
    let texts = json!({"en": {"title": "What?", "body": "New.\n"}, "es": {"title": "¿Qué?", "body": "Nuevo.\n"}});
    let payload = json!({"person": "ada", "texts": texts});
    Message { id: id.to_owned(), target: Target::Email, topic: "notification.created".to_owned(), payload }
}

impl World {
    async fn start() -> Self {
        Self::start_with(|options| options).await
    }

    /// Begins with options that `change` has seen.
    async fn start_with(change: impl FnOnce(Options) -> Options) -> Self {
        let mail = Receiver::start(Receives::Mail { secret: "smartstore-local-secret".to_owned() }).await;
        let hook = Receiver::start(Receives::Webhooks { key: KEY.to_vec() }).await;
        let mut options = Options::for_tests()
            .variable("EMAIL_FROM", FROM)
            .variable("AWS_ENDPOINT_URL_SESV2", mail.url())
            .variable("WEBHOOK_URL", &format!("{}/hook", hook.url()));
        options.env_file.insert("WEBHOOK_SECRET".to_owned(), secret(&KEY));
        let bundle = Bundle::start_with(change(options)).await;
        let world = Self { bundle, mail, hook };
        world.prefers("ada", Some(("ada@example.com", true))).await;
        world
    }

    fn table(&self) -> Table {
        Table::new(self.bundle.aws(), &self.bundle.template().tables[0].name)
    }

    fn outbox(&self, tenant: &TenantScope) -> TenantOutbox {
        Outbox::new(self.table(), self.bundle.clock().clone()).of(tenant)
    }

    async fn prefers(&self, person: &str, email: Option<(&str, bool)>) {
        let preferences = Preferences {
            person: PersonId::from_subject(person).unwrap(),
            language: Some("es-MX".to_owned()),
            email: email.map(|(address, on)| Email { address: Private::new(address.to_owned()), on }),
            updated_at: self.bundle.clock().now(),
        };
        let table = PreferencesTable::new(self.table()).of(&greenleaf());
        greenleaf().act(async move { table.put(&preferences).await }).await.unwrap();
    }

    /// Writes messages in one transaction.
    async fn write(&self, of: &TenantScope, messages: impl IntoIterator<Item = Message>) {
        let outbox = self.outbox(of);
        let parts = messages.into_iter().map(|message| outbox.part(message).unwrap()).collect();
        of.act(self.table().of(of).transact(parts)).await.unwrap();
    }

    async fn row(&self, id: &str) -> MessageRow {
        let outbox = self.outbox(&greenleaf());
        let id = id.to_owned();
        greenleaf().act(async move { outbox.message(&id).await }).await.unwrap().unwrap()
    }

    /// Runs the schedule; what it reports.
    async fn drain(&self) -> Value {
        serde_json::from_str(&self.bundle.run_schedule("outbox-drain").await.unwrap()).unwrap()
    }

    /// Lets the message be due, and the breaker be tried again.
    async fn until_due(&self, id: &str) {
        let due: Timestamp = self.row(id).await.outbox_due.unwrap().parse().unwrap();
        let wait = due.duration_since(self.bundle.clock().now()).max(SignedDuration::from_secs(16));
        self.bundle.clock().advance(wait);
    }

    /// The job beside the bundle's own, with these settings.
    fn app(&self, settings: &[(&str, &str)]) -> App {
        let table = self.bundle.template().tables[0].name.clone();
        let secret = "smartstore-ai/dev";
        let base = [("TABLE_NAME", table.as_str()), ("SECRET_ID", secret)];
        let env: Env = base.iter().chain(settings).map(|(name, value)| (*name, *value)).collect();
        App::new(Config::read(env).unwrap(), self.bundle.aws(), self.bundle.clock().clone())
    }

    async fn run(&self, app: &App) -> Report {
        outbox_drain::run(app, self.bundle.clock().now()).await.unwrap()
    }

    fn no_wrongs(&self) {
        assert_eq!((self.mail.wrongs(), self.hook.wrongs()), (vec![], vec![]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_sent_once_and_kept_for_a_while() {
    let world = World::start().await;
    world.write(&greenleaf(), [webhook("w-1"), letter("m-1")]).await;
    world.bundle.clock().advance(SignedDuration::from_secs(40));
    let report = world.drain().await;
    assert_eq!((&report["sent"], &report["waiting"], &report["oldest_wait_s"]), (&json!(2), &json!(2), &json!(40)));
    assert_eq!(world.drain().await["sent"], 0);
    world.no_wrongs();
    let hooks = world.hook.received();
    let [hook] = hooks.as_slice() else { panic!("{hooks:#?}") };
    let created = world.row("w-1").await.created_at.to_string();
    assert_eq!(hook.id, "t_greenleaf:w-1");
    assert_eq!(
        hook.body,
        json!({
            "type": "artifact.undo_requested", "id": "w-1", "tenant": "t_greenleaf", "timestamp": created,
            "data": {"artifact": "art_1"},
        })
    );
    assert_eq!(hook.headers["webhook-timestamp"], world.bundle.clock().now().as_second().to_string());
    let mails = world.mail.received();
    let [mail] = mails.as_slice() else { panic!("{mails:#?}") };
    let simple = &mail.body["Content"]["Simple"];
    assert_eq!(mail.body["Destination"]["ToAddresses"], json!(["ada@example.com"]));
    assert_eq!((&simple["Subject"]["Data"], &simple["Body"]["Text"]["Data"]), (&json!("¿Qué?"), &json!("Nuevo.\n")));
    let headers = json!([
        {"Name": "X-SmartStore-Message-Id", "Value": "m-1"},
        {"Name": "Content-Language", "Value": "es"},
    ]);
    assert_eq!(simple["Headers"], headers);
    for id in ["w-1", "m-1"] {
        let row = world.row(id).await;
        assert_eq!((row.state, row.attempts, row.outbox_due, row.lease), (State::Sent, 1, None, None));
        let kept = world.bundle.clock().now() + SignedDuration::from_hours(30 * 24);
        assert_eq!(row.expires_at, Some(kept.as_second()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_an_address_is_sent_nothing_and_the_present_address_counts() {
    let world = World::start().await;
    let to = |id: &str, person: &str| {
        let mut message = letter(id);
        message.payload["person"] = json!(person);
        message
    };
    world.prefers("off", Some(("off@example.com", false))).await;
    world.prefers("none", None).await;
    world.prefers("odd", Some(("a@b.c, d@e.f", true))).await;
    let people = ["unknown", "off", "none", "odd"];
    world.write(&greenleaf(), people.map(|person| to(person, person)).into_iter().chain([to("ada", "ada")])).await;
    world.prefers("ada", Some(("new@example.com", true))).await;
    let report = world.drain().await;
    assert_eq!((&report["skipped"], &report["sent"]), (&json!(4), &json!(1)), "{report}");
    for person in people {
        let row = world.row(person).await;
        assert_eq!(row.state, State::Skipped, "{person}");
        assert!(row.last_error.unwrap().starts_with("the person") && row.expires_at.is_some(), "{person}");
    }
    assert_eq!(world.mail.received()[0].body["Destination"]["ToAddresses"], json!(["new@example.com"]));
    world.no_wrongs();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_sends_no_mail_and_lets_webhooks_wait() {
    let world = World::start().await;
    world.write(&greenleaf(), [webhook("w-1"), letter("m-1")]).await;
    let off = world.app(&[]);
    for _ in 0..100 {
        world.run(&off).await;
        world.bundle.clock().advance(SignedDuration::from_hours(1));
    }
    let (hook, mail) = (world.row("w-1").await, world.row("m-1").await);
    assert_eq!((hook.state, hook.attempts, mail.state), (State::Waiting, 0, State::Skipped));
    assert_eq!(hook.last_error.as_deref(), Some("WEBHOOK_URL is not set"));
    assert_eq!(mail.last_error.as_deref(), Some("EMAIL_FROM is not set"));
    world.hook.then([Answer::Says(500, "")]);
    world.drain().await;
    assert_eq!(world.row("w-1").await.state, State::Waiting, "the days without an address are not held against it");
    world.until_due("w-1").await;
    assert_eq!(world.drain().await["sent"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_goes_nowhere_while_notices_are_switched_off_and_what_is_none_goes_out() {
    let world = World::start().await;
    world.write(&greenleaf(), [webhook("w-1"), letter("m-1")]).await;
    let hook = format!("{}/hook", world.hook.url());
    let all = [("TRUST_SAFETY_NOTIFICATIONS", "off"), ("EMAIL_FROM", FROM), ("WEBHOOK_URL", hook.as_str())];
    let report = world.run(&world.app(&all)).await;
    assert_eq!((report.sent, report.put_off, world.mail.received().len()), (1, 1, 0), "{report:?}");
    let (hook, mail) = (world.row("w-1").await, world.row("m-1").await);
    assert_eq!((hook.state, mail.state, mail.attempts), (State::Sent, State::Waiting, 0));
    assert_eq!(mail.last_error.as_deref(), Some("TRUST_SAFETY_NOTIFICATIONS is off"));
    world.until_due("m-1").await;
    assert_eq!((&world.drain().await["sent"], world.mail.received().len()), (&json!(1), 1), "it is on again");
    world.no_wrongs();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tenants_messages_are_its_own_and_one_with_many_holds_up_no_other() {
    let world = World::start().await;
    for n in 0..3 {
        world.write(&greenleaf(), (0..50).map(|m| webhook(&format!("w-{n}-{m}")))).await;
    }
    world.bundle.clock().advance(SignedDuration::from_secs(1));
    world.write(&tenant("t_other"), [webhook("w-0-0")]).await;
    let report = world.drain().await;
    assert_eq!(report["sent"], 151, "{report}");
    world.no_wrongs();
    let place = world.hook.received().iter().position(|received| received.id == "t_other:w-0-0").unwrap();
    assert!(place < 16, "the other tenant's one message came as number {place}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_secret_is_changed_both_sign() {
    let other = [9; 32];
    let world = World::start_with(|mut options| {
        options.env_file.insert("WEBHOOK_SECRET".to_owned(), secret(&other));
        options.env_file.insert("WEBHOOK_SECRET_PREVIOUS".to_owned(), secret(&KEY));
        options
    })
    .await;
    world.write(&greenleaf(), [webhook("w-1")]).await;
    assert_eq!(world.drain().await["sent"], 1);
    let signatures = world.hook.received()[0].headers["webhook-signature"].clone();
    assert_eq!(signatures.split(' ').count(), 2, "{signatures}");
    world.no_wrongs();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_secret_nothing_goes_out_and_nothing_is_lost() {
    for bad in [None, Some("whsec_dG9vIHNob3J0"), Some("not one")] {
        let world = World::start_with(|mut options| {
            options.env_file.remove("WEBHOOK_SECRET");
            options.env_file.extend(bad.map(|bad| ("WEBHOOK_SECRET".to_owned(), bad.to_owned())));
            options
        })
        .await;
        world.write(&greenleaf(), [webhook("w-1")]).await;
        assert_eq!(world.drain().await["put_off"], 1);
        let row = world.row("w-1").await;
        assert_eq!((row.state, row.attempts, world.hook.received().len()), (State::Waiting, 0, 0), "{bad:?}");
        assert!(row.last_error.unwrap().contains("WEBHOOK_SECRET"), "{bad:?}");
    }
}
