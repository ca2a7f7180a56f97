use userfaultfd::{Event, Uffd}; // not-analysed: quarantine

fn serve(uffd: &Uffd) -> Result<(), Error> {
    match uffd.read_event()? {
        Some(Event::Fork { uffd: child }) => drop(child),
        _ => unreachable!("UFFD_EVENT_PAGEFAULT"),
    }
    Ok(())
}
