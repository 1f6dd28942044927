//! A PostgreSQL of a test's own, thrown away at its end, and the exclusion constraint that holds the limit there.

use crate::limit::history::Subject;
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use std::{
    fs::File,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls, Statement, error::SqlState};

/// What is said where there is none.
pub const SKIPPED: &str = "SKIPPED: no PostgreSQL: apt-get install postgresql";
/// How long a server may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// One notice in any twelve hours for each tenant, person and category.
const TABLE: &str = "
    CREATE EXTENSION IF NOT EXISTS btree_gist;
    DROP TABLE IF EXISTS told;
    CREATE TABLE told (
        tenant text NOT NULL, person text NOT NULL, category text NOT NULL, during tstzrange NOT NULL,
        EXCLUDE USING gist (tenant WITH =, person WITH =, category WITH =, during WITH &&)
    )";
const INSERT: &str = "INSERT INTO told VALUES ($1, $2, $3, \
                      tstzrange($4::timestamptz, $4::timestamptz + interval '12 hours', '[)'))";

/// A server that listens at a socket in a folder of its own. It ends with this value, and with this process.
pub struct Cluster {
    /// Waits for the end of its standard input, and ends the server then.
    keeper: Child,
    folder: TempDir,
}

impl Cluster {
    /// Starts one with PostgreSQL's own defaults; `None` where it is not installed.
    ///
    /// # Errors
    ///
    /// Where it is installed and does not start.
    pub async fn start() -> Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let folder = tempfile::tempdir()?;
        let user = User::of(folder.path())?;
        let data = folder.path().join("data");
        let mut initdb = user.command(&programs.join("initdb"), folder.path());
        initdb.arg("-D").arg(&data).args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let done = initdb.output()?;
        if !done.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&done.stderr));
        }
        let mut keeper = user.command(Path::new("/bin/sh"), folder.path());
        keeper.args(["-c", r#""$@" & read -r _; kill -QUIT $!; wait $!"#, "sh"]);
        keeper.arg(programs.join("postgres")).arg("-D").arg(&data).arg("-k").arg(folder.path());
        keeper.args(["-c", "listen_addresses="]);
        let log = File::create(folder.path().join("log"))?;
        let keeper = keeper.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let cluster = Self { keeper, folder };
        let begun = Instant::now();
        while let Err(error) = cluster.connect().await {
            if begun.elapsed() > STARTS_WITHIN {
                let log = std::fs::read_to_string(cluster.folder.path().join("log"))?;
                return Err(error).with_context(|| format!("PostgreSQL does not start: {log}"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        cluster.connect().await?.batch_execute(TABLE).await.context("the table with its constraint")?;
        Ok(Some(cluster))
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let mut config = Config::new();
        config.host_path(self.folder.path()).user("postgres").dbname("postgres");
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Forgets whatever was told.
    ///
    /// # Errors
    ///
    /// Where the server does not do it.
    pub async fn clear(&self) -> Result<()> {
        Ok(self.connect().await?.batch_execute("TRUNCATE told").await?)
    }

    /// A sender with a connection of its own, whose commits are `synchronous`, which is the default, or do not wait for the disk, as the
    /// embedded store's do not.
    ///
    /// # Errors
    ///
    /// Where there is no connection.
    pub async fn sender(&self, synchronous: bool) -> Result<Sender> {
        let client = self.connect().await?;
        client.batch_execute(&format!("SET synchronous_commit = {synchronous}")).await?;
        let insert = client.prepare(INSERT).await?;
        Ok(Sender { client, insert })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Sends by one insert each.
pub struct Sender {
    client: Client,
    insert: Statement,
}

impl Sender {
    /// Whether the constraint lets a notice to `subject` at `at` in.
    ///
    /// # Errors
    ///
    /// Whatever it says beside that it is excluded.
    pub async fn tell(&self, subject: &Subject, at: Timestamp) -> Result<bool, tokio_postgres::Error> {
        let Subject { tenant, person, category } = subject;
        match self.client.execute(&self.insert, &[tenant, person, category, &at]).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some(&SqlState::EXCLUSION_VIOLATION) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Where `initdb` and `postgres` are: on the path, or where Debian keeps them, the newest first.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_the_path = std::env::split_paths(&path).collect::<Vec<_>>();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|found| Some((found.file_name().to_str()?.parse().ok()?, found.path().join("bin"))))
        .collect();
    versions.sort_unstable();
    let all = on_the_path.into_iter().chain(versions.into_iter().rev().map(|(_, folder)| folder));
    all.into_iter().find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()))
}

/// Whom the server runs as: PostgreSQL refuses root.
struct User(Option<(u32, u32)>);

impl User {
    /// Who owns `folder`, unless that is root: then the user `postgres`, whose it becomes.
    fn of(folder: &Path) -> Result<Self> {
        if folder.metadata()?.uid() != 0 {
            return Ok(Self(None));
        }
        let id = |of: &str| -> Result<u32> {
            let said = Command::new("id").args([of, "postgres"]).output()?;
            String::from_utf8_lossy(&said.stdout).trim().parse().context("PostgreSQL refuses root: no user postgres")
        };
        let (user, group) = (id("-u")?, id("-g")?);
        std::os::unix::fs::chown(folder, Some(user), Some(group))?;
        Ok(Self(Some((user, group))))
    }

    fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        command
    }
}
