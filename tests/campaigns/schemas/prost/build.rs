//! Generates the messages of the FileDescriptorSet at `PROST_TYPES`, and `decode()`, which chooses among them.

use prost::Message;
use prost_types::FileDescriptorSet;
use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=PROST_TYPES");
    let types = env::var("PROST_TYPES").expect("PROST_TYPES is the path of a FileDescriptorSet");
    println!("cargo:rerun-if-changed={types}");
    let set = FileDescriptorSet::decode(&*fs::read(types).expect("a file")).expect("descriptors");
    let mut arms = String::new();
    for file in &set.file {
        // random.t0, random.t1 …
        if let Some(number) = file.package().strip_prefix("random.t") {
            arms += &format!("{number} => again::<types::random::t{number}::M0>(data),\n");
        }
    }
    let out = PathBuf::from(env::var("OUT_DIR").expect("set by cargo"));
    prost_build::Config::new()
        .include_file("types.rs")
        .compile_fds(set)
        .expect("prost generates");
    let decode = format!(
        "pub fn decode(number: u32, data: &[u8]) -> Option<Vec<u8>> {{ match number {{ {arms} _ => None }} }}"
    );
    fs::write(out.join("decode.rs"), decode).expect("written");
}
