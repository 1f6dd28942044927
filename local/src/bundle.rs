//! The bundle: stores, issuer, functions, schedules and gateway, started together and ended together.

use crate::{
    agree::{self, Code},
    claims::Claims,
    client::Client,
    functions::{Functions, Parts},
    gateway::{Gateway, Laptop, RouteTable},
    issuer::{Issuer, PROJECT_ID},
    options::Options,
    ports::{self, Addresses},
    schedules::Schedules,
    seed,
    stop::{Stop, Stopped},
    stores::{self, ACCESS_KEY, SECRET_KEY, dynamo, objects, secrets},
    template::Template,
};
use anyhow::{Context, Result, anyhow, bail};
use shared::{
    aws::{Aws, Endpoints},
    clock::Clock,
    web::lambda::{self, Deadline},
};
use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// A running bundle. Dropped, it ends by itself; [`Bundle::close`] waits until it has.
pub struct Bundle {
    addresses: Addresses,
    aws: Aws,
    clock: Clock,
    issuer: Issuer,
    schedules: Schedules,
    /// The router of each route, by method and path.
    routers: BTreeMap<String, axum::Router>,
    template: Template,
    state: PathBuf,
    stop: Stop,
    serving: Vec<JoinHandle<()>>,
    dynamodb: Option<thread::JoinHandle<()>>,
    // Last, so that the folder goes when nothing uses it any more.
    _lock: File,
    _temporary: Option<TempDir>,
}

impl Bundle {
    /// A bundle for a test: the sample stores and products on state of its own, a clock that stands still. Panics where it
    /// cannot start.
    pub async fn start() -> Self {
        Self::start_with(Options::for_tests()).await
    }

    /// The same with other options; those of [`Options::for_tests`] are the ones to begin from.
    pub async fn start_with(options: Options) -> Self {
        seed::start(options).await.expect("the bundle starts")
    }

    /// A bundle for a test, without stores or products.
    pub async fn empty() -> Self {
        Self::open(Options::for_tests()).await.expect("the bundle starts")
    }

    /// Starts a bundle, and makes what its stores lack.
    ///
    /// # Errors
    ///
    /// Every difference between template and code; a state folder that another bundle uses, or that another template made;
    /// a configuration that a function refuses; what the system refuses.
    pub async fn open(options: Options) -> Result<Self> {
        let parameters = [("Stage", "dev"), ("ProjectId", PROJECT_ID)];
        let template = Template::parse(&options.template, &parameters).context("template.yaml")?;
        let temporary = options.state.is_none().then(TempDir::new).transpose()?;
        let state = match (&options.state, &temporary) {
            (Some(state), _) => state.clone(),
            (None, folder) => folder.as_ref().map(|folder| folder.path().to_owned()).unwrap_or_default(),
        };
        fs::create_dir_all(&state).with_context(|| format!("{} cannot be made", state.display()))?;
        if let (Some(beginning), Some(_)) = (&options.beginning, &temporary) {
            seed::copy(beginning, &state)?;
        }
        let lock = lock(&state)?;
        let issuer = issuer(&options, &state).await?;
        let (stop, stopped) = Stop::new();
        let gateway = ports::bind(options.ports.gateway).await?;
        let lambda = ports::bind(options.ports.lambda).await?;
        let mut stores = Stores::open(&options, &template, &state, &stopped).await?;
        let addresses = stores.addresses(&gateway, &lambda)?;
        // There is no SES among the stores: unless the settings name another, mail goes to AWS's own, which knows no laptop.
        let said = |name: &str| options.variables.get(name).or_else(|| options.env_file.get(name)).cloned();
        let sesv2 = said("AWS_ENDPOINT_URL_SESV2").filter(|url| !url.is_empty());
        let aws = aws(Endpoints { sesv2: sesv2.clone(), ..at(&addresses) });
        for table in &template.tables {
            dynamo::ensure(&aws.administrator().dynamodb(), table).await?;
        }
        stores.serving.push(issuer.serve(stores.issuer, stopped.clone()));
        let env = variables(&options, &template, &addresses, &state);
        let per_function = |binary: &String| {
            let endpoints = options.between.as_ref().map(|between| between.endpoints(binary, &addresses));
            let endpoints = endpoints.map(|endpoints| Endpoints { sesv2: sesv2.clone(), ..endpoints });
            (binary.clone(), endpoints.map_or_else(|| aws.clone(), self::aws))
        };
        let clients = env.keys().map(per_function).collect();
        let functions = (options.functions)(&Parts { clients, clock: &options.clock, env })?;
        let differences = agree::differences(&template, &code(&functions));
        if !differences.is_empty() {
            bail!("template.yaml and the code differ:\n  {}", differences.join("\n  "));
        }
        let schedules = Schedules::of(&template, &functions.jobs)?;
        let routed = functions
            .http
            .iter()
            .flat_map(|function| function.routes.iter().map(|route| (route.to_string(), function.router.clone())));
        let routers = routed.collect();
        let laptop = Laptop { clock: options.clock.clone(), schedules: schedules.clone() };
        let functions = timed(functions, &template);
        let named = template.functions.iter();
        let named =
            named.filter_map(|function| Some((function.name.clone(), functions.get(&function.binary)?.clone())));
        stores.serving.push(stores::functions::serve(lambda, named.collect(), stopped.clone()));
        let served = Gateway::new(RouteTable::of(&template), functions, laptop);
        stores.serving.push(tokio::spawn(served.serve(gateway, stopped.clone())));
        if options.ticking {
            stores.serving.push(tokio::spawn(schedules.clone().tick(options.clock.clone(), stopped)));
        }
        addresses.write(&state)?;
        Ok(Self {
            addresses,
            aws,
            clock: options.clock,
            issuer,
            schedules,
            routers,
            template,
            state,
            stop,
            serving: stores.serving,
            dynamodb: Some(stores.dynamodb),
            _lock: lock,
            _temporary: temporary,
        })
    }

    /// Ends the bundle: takes no more requests, lets those under way finish for up to five seconds, closes the stores.
    pub async fn close(mut self) {
        self.stop.now();
        for serving in std::mem::take(&mut self.serving) {
            // A server that panicked has ended too.
            let _ = serving.await;
        }
        if let Some(dynamodb) = self.dynamodb.take() {
            let _ = tokio::task::spawn_blocking(move || dynamodb.join()).await;
        }
        Addresses::forget(&self.state);
    }

    /// Where everything answers.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The clients' way to the embedded stores, for looking into them.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// The time of everything in the bundle.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Who signs the tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// What `template.yaml` says.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The folder of its state.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Runs the schedule of the job `name` as of now, as EventBridge would; what it reports.
    ///
    /// # Errors
    ///
    /// No such schedule, or what the job failed with.
    pub async fn run_schedule(&self, name: &str) -> Result<String> {
        let ran = self.schedules.run(name, self.clock.now()).await;
        ran.unwrap_or_else(|| {
            Err(anyhow!("there is no schedule {name}; there are: {}", self.schedules.names().join(", ")))
        })
    }

    /// Hands an API Gateway event, as JSON, to the function that its `routeKey` names, past the gateway; the answer's status.
    ///
    /// # Errors
    ///
    /// No JSON, or a route that no function has.
    pub async fn deliver(&self, event: &str) -> Result<i64> {
        self.invoke(event, None).await
    }

    /// The same in an invocation of which this much time is left.
    ///
    /// # Errors
    ///
    /// As [`Bundle::deliver`].
    pub async fn deliver_within(&self, event: &str, left: Duration) -> Result<i64> {
        self.invoke(event, Some(Deadline(SystemTime::now() + left))).await
    }

    async fn invoke(&self, event: &str, deadline: Option<Deadline>) -> Result<i64> {
        let parsed: serde_json::Value = serde_json::from_str(event).context("the event is no JSON")?;
        let route = parsed["routeKey"].as_str().unwrap_or_default();
        let router = self.routers.get(route).with_context(|| format!("no function has the route {route:?}"))?;
        Ok(lambda::answer(router, event, deadline).await.status_code)
    }

    /// A person with these claims.
    pub fn person(&self, claims: Claims) -> Client {
        Client::person(&self.addresses.gateway, &self.issuer, &self.clock, claims)
    }

    /// A shopper of the first sample tenant's stores.
    pub fn shopper(&self, name: &str) -> Client {
        self.person(seed::claims(name, "shopper"))
    }

    /// An employee in the first sample tenant's stores.
    pub fn employee(&self, name: &str) -> Client {
        self.person(seed::claims(name, "store_employee"))
    }

    /// An admin of the first sample tenant's stores.
    pub fn admin(&self, name: &str) -> Client {
        self.person(seed::claims(name, "admin"))
    }

    /// An admin of the first sample tenant whose token and record both have the scope of administration `scope`.
    ///
    /// Panics where the record cannot be written.
    pub async fn administrator(&self, name: &str, scope: &str) -> Client {
        self.administer(seed::TENANT, name, scope).await.expect("the record is written");
        self.person(seed::claims(name, "admin").scope(scope))
    }

    /// Writes the record of a person who may administer `tenant` as far as `scope` says, whoever had one before.
    ///
    /// # Errors
    ///
    /// No table, or one that cannot be written.
    pub async fn administer(&self, tenant: &str, name: &str, scope: &str) -> Result<()> {
        let table = self.template.tables.first().context("the template has no table")?;
        seed::administer(&self.aws, &table.name, tenant, name, scope).await
    }

    /// Somebody without a token.
    pub fn stranger(&self) -> Client {
        Client::stranger(&self.addresses.gateway)
    }
}

/// What listens before the functions are there.
struct Stores {
    dynamodb: thread::JoinHandle<()>,
    serving: Vec<JoinHandle<()>>,
    issuer: TcpListener,
    urls: [String; 4],
}

impl Stores {
    async fn open(options: &Options, template: &Template, state: &Path, stopped: &Stopped) -> Result<Self> {
        let at = options.ports;
        let dynamodb = ports::bind(at.dynamodb).await?;
        let s3 = ports::bind(at.s3).await?;
        let secrets_manager = ports::bind(at.secrets_manager).await?;
        let issuer = ports::bind(at.issuer).await?;
        let mut urls = [const { String::new() }; 4];
        for (url, listener) in urls.iter_mut().zip([&dynamodb, &s3, &secrets_manager, &issuer]) {
            *url = ports::url(listener.local_addr()?);
        }
        let known = |name: &String| template.functions.iter().any(|function| function.env.contains_key(name));
        let secrets = options.env_file.iter().filter(|(name, _)| !known(name));
        let secrets = secrets.map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Self {
            dynamodb: dynamo::serve(dynamodb.into_std()?, &state.join("dynamodb.sqlite"), stopped.clone())?,
            serving: vec![
                objects::serve(s3, &state.join("s3"), &template.buckets, stopped.clone())?,
                secrets::serve(
                    secrets_manager,
                    state.join("secrets.json"),
                    &template.secrets,
                    &secrets,
                    stopped.clone(),
                )?,
            ],
            issuer,
            urls,
        })
    }

    fn addresses(&self, gateway: &TcpListener, lambda: &TcpListener) -> Result<Addresses> {
        let [dynamodb, s3, secrets_manager, issuer] = self.urls.clone();
        let (gateway, lambda) = (ports::url(gateway.local_addr()?), ports::url(lambda.local_addr()?));
        Ok(Addresses { gateway, dynamodb, s3, secrets_manager, issuer, lambda })
    }
}

/// Takes the folder for this process, for as long as it lives.
fn lock(state: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(state.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let at =
                Addresses::read(state).map(|found| format!(" It answers at {}.", found.gateway)).unwrap_or_default();
            bail!("another bundle runs on {}.{at} Stop it first, or give another --state.", state.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| state.display().to_string()),
    }
}

async fn issuer(options: &Options, state: &Path) -> Result<Issuer> {
    let own = !options.shared_issuer;
    let state = state.to_owned();
    // Making a key takes up to a second of arithmetic.
    let opened = tokio::task::spawn_blocking(move || if own { Issuer::open(&state) } else { Ok(Issuer::shared()) });
    opened.await?
}

/// Where the stores themselves are.
fn at(addresses: &Addresses) -> Endpoints {
    Endpoints {
        dynamodb: Some(addresses.dynamodb.clone()),
        s3: Some(addresses.s3.clone()),
        secrets_manager: Some(addresses.secrets_manager.clone()),
        sesv2: None,
        lambda: Some(addresses.lambda.clone()),
    }
}

fn aws(endpoints: Endpoints) -> Aws {
    Aws::local(endpoints, ACCESS_KEY, SECRET_KEY)
}

/// The variables of each function by its binary: the template's, where `.env` and then the caller may say otherwise, the
/// address of the issuer's keys, and a folder for snapshots.
fn variables(
    options: &Options,
    template: &Template,
    addresses: &Addresses,
    state: &Path,
) -> BTreeMap<String, BTreeMap<String, String>> {
    let resources: Vec<&String> = template
        .tables
        .iter()
        .map(|table| &table.name)
        .chain(template.buckets.iter().map(|bucket| &bucket.name))
        .chain(template.secrets.iter().map(|secret| &secret.name))
        .collect();
    let of_function = |function: &crate::template::Function| {
        let mut env = function.env.clone();
        for (name, value) in &mut env {
            let said = options.variables.get(name).or_else(|| options.env_file.get(name));
            // What names a resource names the embedded one, whatever a shell's leftovers say.
            if let Some(said) = said.filter(|_| !resources.contains(&&*value) && name != "FIREBASE_PROJECT_ID") {
                value.clone_from(said);
            }
        }
        env.insert("FIREBASE_KEYS_URL".to_owned(), addresses.keys_url());
        // In Lambda each function has a temporary folder of its own.
        let folder = state.join("snapshots").join(&function.binary);
        env.insert("SNAPSHOT_FOLDER".to_owned(), folder.to_string_lossy().into_owned());
        (function.binary.clone(), env)
    };
    template.functions.iter().map(of_function).collect()
}

fn code(functions: &Functions) -> Code {
    let routes = |function: &crate::functions::Function| function.routes.iter().map(ToString::to_string).collect();
    Code {
        functions: functions.http.iter().map(|function| (function.binary.to_owned(), routes(function))).collect(),
        jobs: functions.jobs.iter().map(|job| job.binary.to_owned()).collect(),
    }
}

fn timed(functions: Functions, template: &Template) -> BTreeMap<String, (axum::Router, std::time::Duration)> {
    let timeout = |binary: &str| {
        let found = template.functions.iter().find(|function| function.binary == binary);
        found.map_or_else(Default::default, |function| function.timeout)
    };
    let functions = functions.http.into_iter();
    functions.map(|function| (function.binary.to_owned(), (function.router, timeout(function.binary)))).collect()
}
