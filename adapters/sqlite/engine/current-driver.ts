import { assert } from "../../../lib/assert.ts";
import type { DatabaseHandle } from "../between/clone-calls.ts";
import { CloneMemory } from "../between/clone-memory.ts";
import type { NativeDriver } from "../between/native.ts";
import { Takeover } from "../between/takeover.ts";
import type { ConnectionFiles } from "./connection-files.ts";
import {
  type ConnectionSettings,
  readSettings,
  writeJournalMode,
  writeSettings,
} from "./connection-settings.ts";
import type { Driver, PreparedStatement, StatementOwner } from "./driver.ts";
import { NativeDatabase } from "./native-database.ts";
import { checkNoLog } from "./native-file.ts";
import { loadSqlite, type Sqlite } from "./raw.ts";
import type { StatementHome, StatementSync } from "./statement-sync.ts";
import { WasmDatabase } from "./wasm-database.ts";

/** As the native drivers set them, so that nothing changes when one of those takes over. */
const DEFAULTS = "pragma foreign_keys = on; pragma recursive_triggers = off";

/** After each refusal twice as many statements pass before it is tried again, up to so many. */
const MOST_PASSED = 64;

export interface CurrentDriverOptions {
  readonly handle: DatabaseHandle;
  readonly files: ConnectionFiles;
  readonly busyTimeoutMs: number;
}

/** What is to be given to each driver anew. */
type Addition = (driver: Driver) => void;

/** A driver that is ready to take over, and what it is to go on with. */
interface Successor {
  readonly native: NativeDatabase;
  readonly settings: ConnectionSettings;
}

/**
 * The driver that runs a connection's statements: SQLite in WebAssembly while pages may be missing,
 * and then a native one. It changes between two statements, when nothing is open.
 */
export class CurrentDriver implements StatementHome, StatementOwner {
  readonly name: string;
  /** Iterations that were begun and not ended. */
  iterations = 0;
  readonly #options: CurrentDriverOptions;
  readonly #takeover: Takeover;
  readonly #memory: CloneMemory;
  readonly #additions: Addition[] = [];
  readonly #statements = new Set<StatementSync>();
  #natives: readonly NativeDriver[];
  #driver: Driver;
  #sqlite: Sqlite | undefined;
  /** Of the clone, when the native driver was opened. */
  #generation = 0;
  #epoch = 0;
  /** Statements that are under way, one in the other. */
  #depth = 0;
  #successor: Successor | undefined;
  #isAgreed = false;
  /** Statements that pass until it is tried again. */
  #passing = 0;
  #passed = 1;
  #failure: unknown;

  private constructor(
    options: CurrentDriverOptions,
    sqlite: Sqlite | undefined,
    isNative: boolean,
  ) {
    const { handle } = options;
    this.name = handle.file;
    this.#options = options;
    this.#natives = handle.natives;
    this.#takeover = new Takeover(handle.takeover);
    this.#memory = new CloneMemory(handle.cloneMemory);
    this.#sqlite = sqlite;
    const native = isNative ? this.#openNative() : undefined;
    // Beside native drivers that write it would be a stranger.
    const driver = native ?? (isNative && handle.writable ? undefined : this.#openWasm());
    if (driver === undefined) throw this.#failure;
    this.#driver = driver;
    driver.setBusyTimeout(options.busyTimeoutMs);
    driver.exec(DEFAULTS);
  }

  /** @throws {SqliteError} when the database cannot be opened. */
  static async open(options: CurrentDriverOptions): Promise<CurrentDriver> {
    const { handle } = options;
    const takeover = new Takeover(handle.takeover);
    const isNative = handle.natives.length > 0 && takeover.isDone;
    if (!isNative || !handle.writable) {
      return new CurrentDriver(options, await loadSqlite(), isNative);
    }
    let failure: unknown;
    try {
      const current = new CurrentDriver(options, undefined, true);
      if (takeover.claim()) return current;
      current.close();
    } catch (error) {
      // Beside native drivers that write, WebAssembly would be a stranger.
      if (!takeover.takeBack()) throw error;
      failure = error;
    }
    const current = new CurrentDriver(options, await loadSqlite(), false);
    current.#giveUp(failure);
    return current;
  }

  get driver(): Driver {
    return this.#driver;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get inTransaction(): boolean {
    return this.#driver.isOpen && this.#driver.inTransaction;
  }

  iterating(change: 1 | -1): void {
    this.iterations += change;
  }

  /** Why no native driver could take over, where none could. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Gives this driver something, and those that come after it. */
  add(addition: Addition): void {
    addition(this.#driver);
    this.#additions.push(addition);
  }

  compile(sql: string): PreparedStatement {
    return this.#driver.prepare(this, sql);
  }

  /** Has a statement finalized with its driver, and forgets it. */
  keep(statement: StatementSync): void {
    this.#statements.add(statement);
  }

  release(statement: StatementSync): void {
    if (this.#statements.delete(statement) && this.#driver.isOpen) statement.finalize();
  }

  begin(): void {
    if (this.#depth === 0 && this.#natives.length > 0) this.#beginFirst();
    // WebAssembly asks where it locks; a native driver would go on.
    if (this.#isNative) this.#options.files.caller.checkOpen();
    this.#depth += 1;
  }

  end(): void {
    this.#depth -= 1;
    if (this.#depth > 0 || this.#natives.length === 0) return;
    if (!this.#isNative && this.#options.handle.writable && this.#takeover.isAsked) this.#agree();
  }

  /** A second call is harmless. */
  close(): void {
    if (!this.#driver.isOpen) return;
    this.#successor?.native.close();
    this.#leave();
    this.#statements.clear();
  }

  get #isNative(): boolean {
    return this.#driver.name !== "wasm";
  }

  #beginFirst(): void {
    const { handle } = this.#options;
    if (this.#isAgreed) this.#takeover.object(handle.place);
    this.#isAgreed = false;
    const { isDone } = this.#takeover;
    const isOfNow = !this.#isNative || this.#generation === this.#memory.generation;
    if (isDone === this.#isNative && isOfNow) return;
    if (!this.#driver.isOpen) return;
    if (!handle.writable) this.#change(isDone);
    else if (isDone) this.#goOver();
  }

  /** Where nobody writes: to a native driver, or back where pages are missing again. */
  #change(toNative: boolean): void {
    const settings = this.#settings();
    if (settings === undefined) return;
    const next = toNative ? this.#openNative() : this.#openWasm();
    if (next === undefined) return;
    try {
      this.#furnish(next, settings);
    } catch (error) {
      next.close();
      this.#giveUp(error);
      return;
    }
    this.#leave();
    this.#enter(next);
  }

  /** Says that a native driver can take over at any moment, if it can. */
  #agree(): void {
    const settings = this.#settings();
    if (settings === undefined) return;
    const native = this.#successor?.native ?? this.#openNative();
    if (native === undefined) return;
    this.#successor = { native, settings };
    this.#driver.releaseFile();
    this.#isAgreed = true;
    this.#takeover.agree(this.#options.handle.place);
  }

  /** Where somebody may write, all have agreed, and somebody may have gone over already. */
  #goOver(): void {
    const successor = this.#successor;
    assert(successor !== undefined, "a connection has not agreed to a takeover");
    const { native, settings } = successor;
    this.#successor = undefined;
    this.#leave();
    this.#enter(native);
    const isFirst = this.#takeover.takeFirst();
    this.#furnish(native, settings);
    writeJournalMode(native, this, settings, isFirst);
  }

  #furnish(driver: Driver, settings: ConnectionSettings): void {
    for (const addition of this.#additions) addition(driver);
    writeSettings(driver, this, settings);
  }

  #leave(): void {
    for (const statement of this.#statements) statement.finalize();
    this.#driver.close();
  }

  #enter(driver: Driver): void {
    this.#driver = driver;
    this.#epoch += 1;
  }

  /** What another driver has to be told; undefined where none can go on now. */
  #settings(): ConnectionSettings | undefined {
    if (this.#driver.inTransaction) return undefined;
    if (this.#passing > 0) {
      this.#passing -= 1;
      return undefined;
    }
    const settings = this.#readSettings();
    this.#passed = settings === undefined ? Math.min(2 * this.#passed, MOST_PASSED) : 1;
    if (settings === undefined) this.#passing = this.#passed;
    return settings;
  }

  #readSettings(): ConnectionSettings | undefined {
    try {
      return readSettings(this.#driver, this);
    } catch {
      return undefined; // somebody writes, or this is being interrupted
    }
  }

  /** The best one that works; undefined where none does, which is final. */
  #openNative(): NativeDatabase | undefined {
    const { file, writable } = this.#options.handle;
    this.#generation = this.#memory.generation;
    const errors: unknown[] = [];
    for (const native of this.#natives) {
      try {
        if (!writable) checkNoLog(file);
        return NativeDatabase.open(native, file, !writable);
      } catch (error) {
        errors.push(error);
      }
    }
    this.#giveUp(errors[0]);
    return undefined;
  }

  #openWasm(): WasmDatabase | undefined {
    const { handle, files } = this.#options;
    return this.#sqlite && new WasmDatabase(this.#sqlite, handle, files);
  }

  #giveUp(error: unknown): void {
    this.#natives = [];
    this.#failure = error;
  }
}
