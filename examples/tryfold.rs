use supalint::*;
struct V;
impl history::Visitor for V {
    fn statement(&mut self, step: &history::Step<'_>, sources: &source::Sources) {
        if let Some(f) = step.failed {
            if std::env::var("V").is_ok() {
                let (p, _) = sources.range(step.site);
                println!("FAIL {}:{} {} {}", sources.get(step.site.file).path, p.line, f.sqlstate, f.message);
            }
        }
    }
    fn migration(&mut self, _: &catalog::Catalog, _: &project::Migration, _: &source::Sources) {}
}
fn main() {
    for arg in std::env::args().skip(1) {
        let t = std::time::Instant::now();
        let mut sources = history::sources();
        let project = project::open(&[arg.clone().into()], None, &mut sources).unwrap();
        let r = history::replay(&mut sources, &project, &mut V);
        println!(
            "{arg}: {} files {} statements {} unread {} failed, {} tables {:?}",
            project.migrations.len(),
            r.statements,
            r.unread.len(),
            r.failed.len(),
            r.catalog.tables.len(),
            t.elapsed()
        );
        if std::env::var("U").is_ok() {
            for u in &r.unread {
                let (p, _) = sources.range(u.site);
                println!("UNREAD {}:{} {} {}", sources.get(u.site.file).path, p.line, u.head, u.reason);
            }
        }
    }
}
