//! Lists the files of notice texts, so that a new language is one file and no line of code.

use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    let folder = Path::new("src/notices/texts");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut paths: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let mut list = "&[\n".to_owned();
    for path in paths {
        println!("cargo:rerun-if-changed={}", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let whole = path.canonicalize()?;
        list.push_str(&format!("    ({name:?}, include_str!({:?})),\n", whole.display().to_string()));
    }
    list.push(']');
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("notice_texts.rs"), list)
}
