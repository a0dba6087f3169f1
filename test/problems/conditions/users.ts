/** Users and roles of a test's own: they belong to the whole server, so each is dropped. */
import { onServer } from '../../support/databases.js';
import { isMysql, userName, type Lab, type Ways } from './condition.js';
import { Booking } from './schema.js';
import { inserts } from './ways.js';

/** A user who may read and write everything; `limits` is SQL of `create user` or `create role`. */
export async function createUser(lab: Lab, limits = '', rights = 'all'): Promise<string> {
  const user = userName();
  if (isMysql(lab.driver)) {
    lab.later(() => onServer(lab.config, `drop user if exists ${user}`));
    await lab.run(`create user ${user} identified by 'right' ${limits}`);
    await lab.run(`grant ${rights} on ${lab.orm.config.get('dbName')}.* to ${user}`);
    return user;
  }
  if (lab.driver === 'postgresql') {
    lab.later(async () => {
      await onServer(lab.config, `drop owned by ${user}`);
      await onServer(lab.config, `drop role ${user}`);
    });
  }
  await lab.run(`create role ${user} login ${limits}`);
  await lab.run(`grant ${rights} on all tables in schema public to ${user}`);
  return user;
}

/** The same lab as this user sees it. PGlite has one session, which changes its role. */
async function labOf(lab: Lab, user: string): Promise<Lab> {
  if (lab.driver === 'pglite') {
    await lab.run(`set role ${user}`);
    return lab;
  }
  const orm = lab.open({ user, password: 'right' });
  return { ...lab, orm, em: (from = orm) => lab.em(from), run: (sql, em = orm.em) => lab.run(sql, em) };
}

export async function rowSecurity(lab: Lab): Promise<Ways> {
  const user = await createUser(lab);
  await lab.run('alter table bookings enable row level security');
  await lab.run('create policy low_rooms on bookings with check (room_no < 10)');
  return inserts(await labOf(lab, user), Booking, { id: 1, roomNo: 70 });
}

export async function noPermission(lab: Lab): Promise<Ways> {
  return inserts(await labOf(lab, await createUser(lab, '', 'select')), Booking, { id: 1, roomNo: 1 });
}
