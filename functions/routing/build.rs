//! Links release binaries for a small package: at a fixed address, which saves half a megabyte of relocations, and without the
//! tables for unwinding, which an aborting panic never reads (another 0.8 MB).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../link/no-unwind.ld");
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    if var("PROFILE") == "release" && var("CARGO_CFG_TARGET_OS") == "linux" {
        println!("cargo:rustc-link-arg-bins=-no-pie");
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{}/../link/no-unwind.ld", var("CARGO_MANIFEST_DIR"));
    }
}
