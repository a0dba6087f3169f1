import { bare } from '../statements.js';
import type { SandboxDatabase } from './sandbox-database.js';

/** Statements before and after which the server commits. `create temporary table` is none of them. */
const COMMITS =
  /^(?:alter|(?:create|drop)(?!\s+temporary\b)|rename|truncate|grant|revoke|lock\s+tables?|unlock\s+tables?|analyze|cache\s+index|check\s+table|flush|load\s+index|optimize|repair|reset|install|uninstall|set\s+password|set\s+(?:session\s+|@@)?autocommit|change\s+master|start\s+slave|start\s+replica|stop\s+slave|stop\s+replica)\b/i;

/** MySQL and MariaDB. */
export function mysqlSandbox(): SandboxDatabase {
  return {
    syntax: 'mysql',
    // where the server has rolled back all of it (a deadlock), what follows begins anew, and is not committed by itself
    open: ['set autocommit = 0', 'begin'],
    undo: ['rollback', 'set autocommit = 1'],
    failsAsWhole: false,
    takesScripts: false,
    hasReadOnly: false,
    hasIsolation: true,
    refuse(statement) {
      // a comment that the server runs: /*!40000 alter table … */
      const text = bare(statement).replace(/^\/\*!\d*\s*/, '');
      return COMMITS.test(text)
        ? `MySQL and MariaDB commit the transaction at "${text.slice(0, 40)}", so a sandbox could not be undone. Change the schema before openSandbox(), in a migration say; to empty tables, use em.nativeDelete().`
        : undefined;
    },
    beforeCommit: async () => [],
  };
}
