//! `cargo xtask deb`: the Debian package, from a staged tree by `dpkg-deb`. What is in it is `packaging/` and what the
//! program itself writes: manual pages, completions, the example of the configuration.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::program::{build_release, run};

/// Builds the package beside the program that goes into it: with the one that is named, or with one that is built for it.
/// With `check`, lintian has its say; with `trial`, the package is installed on a clean Debian, used and purged.
///
/// # Errors
/// If something cannot be made, or is found wrong.
pub(crate) fn deb(root: &Path, program: Option<&Path>, check: bool, trial: bool) -> Result<()> {
    let program = match program {
        Some(program) => program.to_owned(),
        None => build_release(root, "jirani")?,
    };
    let program = fs::canonicalize(&program).with_context(|| format!("there is no {}", program.display()))?;
    let packaging = root.join("packaging");
    let version = version(&packaging)?;
    let architecture = output(Command::new("dpkg").arg("--print-architecture"))?;
    let target = program.parent().context("the program lies in a directory")?;
    let stage = target.join("deb");
    if stage.exists() {
        fs::remove_dir_all(&stage)?;
    }
    let tree = Tree(stage.join("tree"));
    tree.program(&program)?;
    tree.words_of(&program)?;
    tree.units(&packaging.join("systemd"))?;
    tree.documents(root)?;
    let libraries = libraries(&stage, &tree.0.join("usr/bin/jirani"))?;
    tree.control(
        &packaging.join("debian"),
        &[("{version}", &version), ("{architecture}", architecture.trim()), ("{libraries}", &libraries)],
    )?;
    let package = target.join(format!("jirani_{version}_{}.deb", architecture.trim()));
    run(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&tree.0).arg(&package))?;
    if check {
        run(Command::new("lintian").args(["--fail-on", "error,warning", "--allow-root"]).arg(&package))?;
    }
    if trial {
        run(Command::new(packaging.join("debian/try")).arg(&package))?;
    }
    println!("{}", package.display());
    Ok(())
}

/// The version, which Debian's changelog and cargo must agree about.
fn version(packaging: &Path) -> Result<String> {
    let changelog = fs::read_to_string(packaging.join("debian/changelog"))?;
    let newest = changelog.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let (newest, _) = newest.context("packaging/debian/changelog does not begin with `jirani (VERSION)`")?;
    if newest != env!("CARGO_PKG_VERSION") {
        bail!("packaging/debian/changelog begins with {newest}, and this is {}", env!("CARGO_PKG_VERSION"));
    }
    Ok(newest.to_owned())
}

/// The staged tree.
struct Tree(PathBuf);

impl Tree {
    fn write(&self, path: &str, bytes: impl AsRef<[u8]>, mode: u32) -> Result<()> {
        let path = self.0.join(path);
        let above = path.parent().expect("it is below the tree");
        fs::create_dir_all(above)?;
        for directory in above.ancestors().take_while(|directory| directory.starts_with(&self.0)) {
            fs::set_permissions(directory, Permissions::from_mode(0o755))?;
        }
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        Ok(())
    }

    fn program(&self, program: &Path) -> Result<()> {
        let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
        self.write("usr/bin/jirani", bytes, 0o755)?;
        run(Command::new("strip")
            .args(["--strip-unneeded", "--remove-section=.comment"])
            .arg(self.0.join("usr/bin/jirani")))
    }

    /// What the program says of itself.
    fn words_of(&self, program: &Path) -> Result<()> {
        let say = |args: &[&str]| output(Command::new(program).args(args));
        let pages = self.0.with_file_name("man");
        fs::create_dir_all(&pages)?;
        run(Command::new(program).arg("man").arg(&pages))?;
        for page in fs::read_dir(&pages)? {
            let page = page?;
            let name = page.file_name().into_string().ok().context("a manual page has a name")?;
            self.write(&format!("usr/share/man/man1/{name}.gz"), gzip(&fs::read(page.path())?)?, 0o644)?;
        }
        for (shell, path) in [
            ("bash", "usr/share/bash-completion/completions/jirani"),
            ("fish", "usr/share/fish/vendor_completions.d/jirani.fish"),
            ("zsh", "usr/share/zsh/vendor-completions/_jirani"),
        ] {
            self.write(path, say(&["completions", shell])?, 0o644)?;
        }
        // Commented out: what the administrator does not set follows the defaults of later versions.
        let example = say(&["config", "example"])?;
        let lines = example
            .lines()
            .map(|line| if line.is_empty() || line.starts_with('#') { line.to_owned() } else { format!("# {line}") });
        self.write("etc/jirani/config.toml", lines.collect::<Vec<_>>().join("\n") + "\n", 0o644)
    }

    fn units(&self, from: &Path) -> Result<()> {
        for (name, to) in [
            ("jirani.service", "lib/systemd/system"),
            ("jirani.socket", "lib/systemd/system"),
            ("jirani-tls.socket", "lib/systemd/system"),
            ("user/jirani.service", "usr/lib/systemd/user"),
        ] {
            let unit = name.rsplit('/').next().unwrap_or(name);
            self.write(&format!("{to}/{unit}"), fs::read(from.join(name)).with_context(|| name.to_owned())?, 0o644)?;
        }
        Ok(())
    }

    fn documents(&self, root: &Path) -> Result<()> {
        let of = |path: &str| fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"));
        let licence = of("LICENSE-MIT")?;
        let paragraph = |line: &str| if line.trim().is_empty() { " .".to_owned() } else { format!(" {line}") };
        let licence = licence.trim().lines().map(paragraph).collect::<Vec<_>>().join("\n");
        self.write(
            "usr/share/doc/jirani/copyright",
            of("packaging/debian/copyright")?.replace("{mit}", &licence),
            0o644,
        )?;
        self.write("usr/share/doc/jirani/changelog.gz", gzip(of("packaging/debian/changelog")?.as_bytes())?, 0o644)?;
        for name in ["operating", "metrics"] {
            self.write(
                &format!("usr/share/doc/jirani/{name}.md.gz"),
                gzip(of(&format!("docs/{name}.md"))?.as_bytes())?,
                0o644,
            )?;
        }
        Ok(())
    }

    fn control(&self, from: &Path, values: &[(&str, &str)]) -> Result<()> {
        let size = output(Command::new("du").args(["--apparent-size", "-ks"]).arg(&self.0))?;
        let size = size.split_whitespace().next().unwrap_or("0");
        let mut control = fs::read_to_string(from.join("control"))?.replace("{size}", size);
        for (name, value) in values {
            control = control.replace(name, value);
        }
        let sums =
            output(Command::new("sh").current_dir(&self.0).args(["-c", "find usr lib -type f | sort | xargs md5sum"]))?;
        self.write("DEBIAN/control", control, 0o644)?;
        self.write("DEBIAN/md5sums", sums, 0o644)?;
        self.write("DEBIAN/conffiles", "/etc/jirani/config.toml\n", 0o644)?;
        for script in ["postinst", "prerm", "postrm"] {
            self.write(&format!("DEBIAN/{script}"), fs::read(from.join(script))?, 0o755)?;
        }
        Ok(())
    }
}

/// The packages of the libraries that the program is linked with, in the versions that have what it uses.
fn libraries(stage: &Path, program: &Path) -> Result<String> {
    // The tool reads what it is about from a source package.
    let source = stage.join("source/debian");
    fs::create_dir_all(&source)?;
    fs::write(source.join("control"), "Source: jirani\n\nPackage: jirani\nArchitecture: any\n")?;
    let found = output(Command::new("dpkg-shlibdeps").current_dir(stage.join("source")).arg("-O").arg(program))?;
    let found = found.trim().strip_prefix("shlibs:Depends=").context("dpkg-shlibdeps says nothing")?;
    Ok(found.to_owned())
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let done = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {name}"))?;
    if !done.status.success() {
        bail!("{name} ended with {}", done.status);
    }
    String::from_utf8(done.stdout).with_context(|| format!("{name} says what is no text"))
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = Command::new("gzip").args(["-9n"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = gzip.stdin.take().expect("it is piped");
    let done = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes));
        gzip.wait_with_output()
    })?;
    if done.status.success() { Ok(done.stdout) } else { bail!("gzip ended with {}", done.status) }
}
