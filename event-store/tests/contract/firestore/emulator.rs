//! Google's emulator of Firestore, where this machine has it.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// The package that has the emulator, for those who have its source.
const PACKAGE: &str = "google-cloud-cli-firestore-emulator";
/// How long it may take to begin, and a call.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The emulator of all cases. It ends with this process: what started it waits for the end of its input.
pub(crate) struct Emulator {
    pub(crate) address: SocketAddr,
    runs: Child,
}

impl Emulator {
    fn start() -> Result<Self, String> {
        let jar = jar()?;
        // Between asking for a free port and taking it another may take it.
        (0..3).find_map(|_| Self::start_on(&jar, free_port())).ok_or_else(|| format!("{jar} did not begin to answer"))
    }

    fn start_on(jar: &str, port: u16) -> Option<Self> {
        let script = r#"
            exec 3<&0
            java -Duser.language=en -Xmx512m -cp "$1" com.google.cloud.datastore.emulator.firestore.CloudFirestore \
                --host=127.0.0.1 --port="$2" >/dev/null 2>&1 & java=$!
            { cat <&3 >/dev/null; kill "$java"; } & wait "$java""#;
        let command = ["-c", script, "emulator", jar, &port.to_string()].map(ToOwned::to_owned);
        let begin = Command::new("sh").args(command).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut emulator = Self { address: (Ipv4Addr::LOCALHOST, port).into(), runs: begin.ok()? };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && matches!(emulator.runs.try_wait(), Ok(None)) {
            if emulator.answers() {
                return Some(emulator);
            }
            thread::sleep(Duration::from_millis(100));
        }
        None
    }

    fn answers(&self) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
            let mut begin = [0; 12];
            stream.read_exact(&mut begin).map(|()| begin)
        };
        ask().is_ok_and(|begin: [u8; 12]| begin == *b"HTTP/1.1 200")
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// The emulator's jar, or what is missing.
fn jar() -> Result<String, String> {
    if Command::new("java").arg("-version").stderr(Stdio::null()).status().is_err() {
        return Err("there is no java, of version 17 or later, on the path".to_owned());
    }
    if let Ok(jar) = std::env::var("FIRESTORE_EMULATOR_JAR") {
        return if Path::new(&jar).is_file() { Ok(jar) } else { Err(format!("there is no {jar}")) };
    }
    let listed = Command::new("dpkg").args(["-L", PACKAGE]).stderr(Stdio::null()).output();
    let listed = listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default();
    let jar = listed.lines().find(|line| line.ends_with(".jar")).map(ToOwned::to_owned);
    jar.ok_or_else(|| format!("neither is {PACKAGE} installed, nor names FIRESTORE_EMULATOR_JAR its jar"))
}

/// The emulator, where there is one; where one is required and there is none, this fails.
pub(crate) fn emulator() -> Option<&'static Emulator> {
    static EMULATOR: OnceLock<Result<Emulator, String>> = OnceLock::new();
    match EMULATOR.get_or_init(Emulator::start) {
        Ok(emulator) => Some(emulator),
        Err(missing) if std::env::var("REQUIRE_EMULATORS").is_ok_and(|value| value == "1") => {
            panic!("Firestore's emulator is required: {missing}")
        }
        Err(missing) => {
            // Past what catches the output of a test that passes.
            let _said = writeln!(io::stderr(), "SKIPPED a case of Firestore: its emulator is missing: {missing}");
            None
        }
    }
}
