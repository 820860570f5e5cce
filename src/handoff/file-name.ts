export class FileNames {
  readonly #taken = new Set<string>();
  take(name: string): string {
    const clean = name.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^\.+/, "") || "file";
    let free = clean;
    for (let n = 2; this.#taken.has(free.toLowerCase()); n++) free = `${n}-${clean}`;
    this.#taken.add(free.toLowerCase());
    return free;
  }
}
