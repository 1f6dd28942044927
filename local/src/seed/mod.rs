//! The sample: two tenants with three stores and their products, loaded through the catalog's own routes.
//!
//! | tenant | store | is |
//! | --- | --- | --- |
//! | `t_greenleaf` | `downtown` | a supermarket in New York |
//! | `t_greenleaf` | `madrid` | its shop in Madrid, with shelves in Spanish |
//! | `t_corner` | `main` | another company's corner shop in Paris, with shelves in French |
//!
//! Each tenant has an administrator with `admin:super`, [`ADMINISTRATOR`], and so has `t_system`, which keeps the routes. The products are
//! made up, and so are their brands and makers.

mod events;
mod people;
pub(crate) mod route;
mod stores;

pub use events::event;
pub use people::ADMINISTRATOR;
pub(crate) use people::administer;
pub use stores::{SAMPLES, Sample};

use crate::{bundle::Bundle, claims::Claims, client::Client, options::Options};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Method;
use sha2::{Digest, Sha256};
use shared::tenant::SYSTEM;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};
use tokio::sync::OnceCell;

/// The tenant that commands mean where none is named.
pub const TENANT: &str = "t_greenleaf";
/// Written when everything is loaded.
const MARK: &str = "seeded";
/// What a state folder has for the time that it is in use.
const IN_USE: [&str; 2] = ["lock", "endpoints.json"];

/// The claims of a person of the first sample tenant, whose role counts in all its stores.
pub fn claims(name: &str, role: &str) -> Claims {
    Claims::of(name).role(role).tenant(TENANT).stores(stores_of(TENANT))
}

/// The sample stores of a tenant; none for another tenant.
pub fn stores_of(tenant: &str) -> Vec<&'static str> {
    SAMPLES.iter().filter(|sample| sample.tenant == tenant).map(|sample| sample.store).collect()
}

/// Whether the sample is in the state folder.
pub fn is_planted(state: &Path) -> bool {
    state.join(MARK).exists()
}

/// Loads the sample into a bundle, publishes it, and routes the first tenant's analytics to the bundle's own table of events; the second
/// tenant has no route. Done again, it changes nothing.
///
/// # Errors
///
/// The first thing that the catalog or the routing refuses.
pub async fn plant(bundle: &Bundle) -> Result<()> {
    stock(bundle).await?;
    route::create(bundle, TENANT).await?;
    mark(bundle.state())
}

/// Loads the stores and the administrators alone.
async fn stock(bundle: &Bundle) -> Result<()> {
    for tenant in SAMPLES.iter().map(|sample| sample.tenant).chain([SYSTEM]).collect::<BTreeSet<_>>() {
        bundle.administer(tenant, ADMINISTRATOR, "admin:super").await?;
    }
    for sample in SAMPLES {
        let claims = Claims::of("sample").role("admin").tenant(sample.tenant).stores([sample.store]);
        let admin = bundle.person(claims);
        put(&admin, sample).await.with_context(|| format!("the sample store {} could not be loaded", sample.store))?;
    }
    bundle.run_schedule("catalog-publish").await?;
    Ok(())
}

fn mark(state: &Path) -> Result<()> {
    fs::write(state.join(MARK), "").with_context(|| format!("{} could not be written", state.join(MARK).display()))
}

async fn put(admin: &Client, sample: &Sample) -> Result<()> {
    let path = format!("/catalog/stores/{}", sample.store);
    let store = (sample.about)().to_string();
    admin.send(Method::PUT, &path, Some(("application/json", store.into()))).await?.success()?;
    let rows = Bytes::from_static(sample.products.as_bytes());
    let path = format!("{path}/import");
    let report = admin.send(Method::POST, &path, Some(("text/csv", rows))).await?.success()?;
    ensure!(report.body["rejected"] == 0, "{}", report.body);
    Ok(())
}

/// The state of a bundle with the sample in it, made once for each build of a test program and copied for each bundle.
static PLANTED: OnceCell<PathBuf> = OnceCell::const_new();

/// Starts a test's bundle with the sample in it.
pub(crate) async fn start(options: Options) -> Result<Bundle> {
    let beginning = PLANTED.get_or_try_init(planted).await?;
    Bundle::open(Options { beginning: Some(beginning.clone()), ..options }).await
}

async fn planted() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let about = fs::metadata(&program)?;
    let age = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let build = format!("{} {} {}", program.display(), about.len(), age.as_nanos());
    let home = program.parent().unwrap_or(Path::new("."));
    // Named after the program, so that the folder of its next build takes this one's place.
    let prefix = format!("{}.sample-", program.file_name().unwrap_or_default().to_string_lossy());
    let folder = home.join(format!("{prefix}{}", &hex::encode(Sha256::digest(build))[..16]));
    if is_planted(&folder) {
        return Ok(folder);
    }
    let outdated = fs::read_dir(home)?.flatten().map(|entry| entry.path()).filter(|path| *path != folder);
    for path in outdated.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)))
    {
        // One that another process still copies from goes with the build after this.
        let _ = fs::remove_dir_all(path);
    }
    let beside = tempfile::Builder::new().prefix("sample-").tempdir_in(home)?;
    let options = Options { state: Some(beside.path().join("state")), ..Options::for_tests() };
    let bundle = Bundle::open(options).await?;
    // Without a route: tests create the ones that they are about.
    stock(&bundle).await?;
    mark(bundle.state())?;
    bundle.close().await;
    match fs::rename(beside.path().join("state"), &folder) {
        Ok(()) => Ok(folder),
        // Another process of the same program was faster, with the same outcome.
        Err(_) if is_planted(&folder) => Ok(folder),
        Err(error) => Err(error.into()),
    }
}

/// Copies a state folder that nobody uses.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if IN_USE.iter().any(|in_use| name == *in_use) {
            continue;
        }
        let to = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
