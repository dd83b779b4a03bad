"""What the catalogue says of the lenses on PostgreSQL: whether they hold, and whether they stand.

Three questions, each answered by the catalogue and not by our own plan: what would make a hole
(`open_ways`), what stays open that an administrator could close (`residue`), and whether anything
is other than the last `install` left it (`fingerprint`).
"""

from __future__ import annotations

from typing import Any

import psycopg

from troth.core.lens import BASE_SCHEMA, FIND_SCHEMA

_OPEN_WAYS = {
    "the role {0} is a superuser, makes roles or databases, or passes by row-level security": (
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%(roles)s || ARRAY[%(app)s]) AND "
        "(rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
    ),
    "the role {0} is a member of {1}": (
        "SELECT m.member::regrole::text, m.roleid::regrole::text FROM pg_auth_members m "
        "WHERE m.member IN (SELECT oid FROM pg_roles WHERE rolname = ANY (%(roles)s))"
    ),
    "the role {0} may act as {1}, who owns the tables": (
        "SELECT r.rolname, o.rolname FROM pg_roles r, pg_roles o WHERE o.rolname = %(owner)s "
        "AND r.rolname = ANY (%(roles)s || ARRAY[%(app)s]) AND pg_has_role(r.oid, o.oid, 'MEMBER')"
    ),
    "{0} is not owned by the role that installs the lens": (
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = %(base)s::regnamespace"
        " AND c.relkind = 'r' AND pg_get_userbyid(c.relowner) <> %(owner)s"
    ),
    "the role {0} has a right on {1}": (
        "SELECT r.rolname, c.oid::regclass::text FROM pg_roles r, pg_class c "
        "WHERE r.rolname = ANY (%(roles)s || ARRAY[%(app)s]) AND c.relkind IN ('r', 'p', 'v', 'm') "
        "AND c.relnamespace = %(base)s::regnamespace AND (has_table_privilege(r.oid, c.oid, "
        "'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') "
        "OR has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))"
    ),
    "the role {0} may enter the schema {1}": (
        "SELECT r.rolname, n.nspname FROM pg_roles r, pg_namespace n "
        "WHERE r.rolname = ANY (%(roles)s) AND has_schema_privilege(r.oid, n.oid, 'USAGE') "
        "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS (SELECT 1 FROM "
        "aclexplode(n.nspacl) a WHERE a.grantee = r.oid AND n.nspname LIKE 'troth\\_lens\\_%%')"
    ),
    "the role {0} may create in the schema {1}": (
        "SELECT r.rolname, n.nspname FROM pg_roles r, pg_namespace n "
        "WHERE r.rolname = ANY (%(roles)s) AND has_schema_privilege(r.oid, n.oid, 'CREATE')"
    ),
    "the role {0} may create schemas or temporary tables": (
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%(roles)s) "
        "AND has_database_privilege(oid, current_database(), 'CREATE, TEMP')"
    ),
    "{0} may use the view {1}, which belongs to another purpose": (
        "SELECT a.grantee::regrole::text, c.oid::regclass::text FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (SELECT (aclexplode(x)).grantee "
        "FROM (SELECT c.relacl UNION ALL SELECT attacl FROM pg_attribute WHERE attrelid = c.oid) "
        "AS acls (x)) a WHERE n.nspname LIKE 'troth\\_lens\\_%%' AND a.grantee <> c.relowner "
        "AND NOT EXISTS (SELECT 1 FROM aclexplode(n.nspacl) e WHERE e.grantee = a.grantee "
        "AND e.grantee <> 0)"
    ),
    "the role {0} may read {1}, a view over tables behind the lens": (
        "SELECT DISTINCT r.rolname, v.oid::regclass::text FROM pg_depend d "
        "JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass "
        "JOIN pg_class v ON v.oid = w.ev_class JOIN pg_class b ON b.oid = d.refobjid "
        "AND d.refclassid = 'pg_class'::regclass, pg_roles r "
        "WHERE b.relnamespace = %(base)s::regnamespace AND v.oid <> b.oid AND r.rolname = %(app)s "
        "AND (has_table_privilege(r.oid, v.oid, 'SELECT') "
        "OR has_any_column_privilege(r.oid, v.oid, 'SELECT'))"
    ),
    "the schema {0} is not owned by the role that installs the lens": (
        "SELECT nspname FROM pg_namespace WHERE pg_get_userbyid(nspowner) <> %(owner)s AND "
        "(nspname IN (%(base)s, %(find)s) OR nspname LIKE 'troth\\_lens\\_%%')"
    ),
    "the role {0} may create in the schema {1}, which is the lens's": (
        "SELECT r.rolname, n.nspname FROM pg_roles r, pg_namespace n WHERE r.rolname = %(app)s "
        "AND n.nspname IN (%(base)s, %(find)s) AND has_schema_privilege(r.oid, n.oid, 'CREATE')"
    ),
    "{0} may call the finder {1}, which is the application's alone": (
        "SELECT CASE WHEN a.grantee = 0 THEN 'everybody' ELSE pg_get_userbyid(a.grantee) END, "
        "p.oid::regprocedure::text FROM pg_proc p, "
        "aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a "
        "WHERE p.pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(find)s) "
        "AND (a.grantee = 0 OR pg_get_userbyid(a.grantee) NOT IN (%(owner)s, %(app)s))"
    ),
    "the role {0} may call {1}, which works with its owner's rights": (
        "SELECT r.rolname, p.oid::regprocedure::text FROM pg_roles r, pg_proc p "
        "WHERE r.rolname = ANY (%(roles)s) AND p.prosecdef "
        "AND has_function_privilege(r.oid, p.oid, 'EXECUTE') "
        "AND has_schema_privilege(r.oid, p.pronamespace, 'USAGE')"
    ),
}
"""What would make a hole of the lens, as a sentence, and the query that finds it."""

_RESIDUE = {
    "a role sees the text of its other sessions' statements: GRANT SET ON PARAMETER "
    "track_activities to the owner and install again": (
        "SELECT 1 FROM public.troth_lens_role l WHERE NOT EXISTS (SELECT 1 FROM "
        "pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE r.rolname = l.role_name "
        "AND 'track_activities=off' = ANY (s.setconfig)) LIMIT 1"
    ),
    "large objects: revoke EXECUTE on lo_creat, lo_create and lo_from_bytea from PUBLIC": (
        "SELECT 1 FROM public.troth_lens_role l WHERE "
        "has_function_privilege(l.role_name, 'pg_catalog.lo_create(oid)', 'EXECUTE') LIMIT 1"
    ),
    "advisory locks: revoke EXECUTE on pg_advisory_lock and its kin from PUBLIC": (
        "SELECT 1 FROM public.troth_lens_role l WHERE "
        "has_function_privilege(l.role_name, 'pg_catalog.pg_advisory_lock(bigint)', 'EXECUTE') "
        "LIMIT 1"
    ),
    "a transaction may outlive its session: set max_prepared_transactions to 0": (
        "SELECT 1 WHERE current_setting('max_prepared_transactions')::integer > 0"
    ),
}


_OTHERS = (
    "SELECT rolname FROM pg_roles r WHERE rolcanlogin AND NOT rolsuper "
    "AND NOT pg_has_role(r.oid, current_user, 'MEMBER') AND EXISTS (SELECT 1 FROM pg_class c "
    "WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' "
    "AND has_table_privilege(r.oid, c.oid, 'SELECT')) ORDER BY 1"
)

_OURS = "n.nspname IN ('troth_base', 'troth_find') OR n.nspname LIKE 'troth\\_lens\\_%'"

_STANDING = (
    # Schemas, and who may do what in them.
    "SELECT n.nspname, pg_get_userbyid(n.nspowner), n.nspacl::text FROM pg_namespace n "
    f"WHERE n.nspname = 'public' OR {_OURS}",
    # Tables and views, with what stands behind each.
    "SELECT n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner), c.relacl::text, "
    "c.relrowsecurity, c.reloptions::text, (SELECT string_agg(concat_ws('/', a.attname, "
    "a.atttypid, a.atttypmod, a.attacl::text, d.adbin::text), ',' ORDER BY a.attnum) "
    "FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
    "WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), "
    "(SELECT string_agg(md5(w.ev_action::text), ',' ORDER BY w.rulename) FROM pg_rewrite w "
    "WHERE w.ev_class = c.oid), (SELECT string_agg(concat_ws('/', t.tgname, t.tgfoid, "
    "t.tgenabled, t.tgtype), ',' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid "
    "AND NOT t.tgisinternal) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE c.relkind <> 'i' AND ({_OURS})",
    "SELECT n.nspname, p.proname, p.proargtypes::text, pg_get_userbyid(p.proowner), "
    "p.proacl::text, p.prosecdef, p.proconfig::text, md5(p.prosrc) FROM pg_proc p "
    f"JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_OURS}",
    # Our books, and a table that came back beside the one behind the lens.
    "SELECT c.relname, c.relacl::text FROM pg_class c WHERE c.relnamespace = "
    "'public'::regnamespace AND (c.relname LIKE 'troth\\_lens\\_%' OR c.relname IN (SELECT "
    "b.relname FROM pg_class b WHERE b.relnamespace = 'troth_base'::regnamespace))",
    "SELECT lens, role_name, digest FROM public.troth_lens_role",
    "SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, "
    "r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil, (SELECT "
    "string_agg(s.setconfig::text, ',' ORDER BY s.setdatabase) FROM pg_db_role_setting s "
    "WHERE s.setrole = r.oid AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database d "
    "WHERE d.datname = current_database()))) FROM pg_roles r "
    "WHERE r.rolname IN (SELECT role_name FROM public.troth_lens_role)",
)


def open_ways(connection: psycopg.Connection[Any], app_role: str, owner: str) -> list[str]:
    """Return what would make a hole of the lenses, as sentences; none if they hold."""
    roles = [row[0] for row in connection.execute("SELECT role_name FROM public.troth_lens_role")]
    given = {"roles": roles, "app": app_role, "owner": owner}
    given |= {"base": BASE_SCHEMA, "find": FIND_SCHEMA}
    return [
        sentence.format(*row)
        for sentence, query in _OPEN_WAYS.items()
        for row in connection.execute(query, given)
    ]


def residue(connection: psycopg.Connection[Any]) -> list[str]:
    """Return what stays open and an administrator of the server could close."""
    found = [
        sentence
        for sentence, query in _RESIDUE.items()
        if connection.execute(query).fetchone() is not None
    ]
    others = connection.execute(_OTHERS, (BASE_SCHEMA,)).fetchall()
    return found + [f"the role {name} may read every table" for (name,) in others]


def fingerprint(connection: psycopg.Connection[Any]) -> str:
    """Return what stands for everything that `install` made, as it is now.

    It is the same in a copy of the database, and another one whenever anybody changed a view, a
    function, a right, a role or a table behind the lens.
    """
    lists = [
        f"(SELECT coalesce(md5(string_agg(x::text, chr(10) ORDER BY x::text)), '') "
        f"FROM ({query}) x)"
        for query in _STANDING
    ]
    # Where an administrator lets the owner hide statements from then on, roles are made anew.
    may_hide = "false"
    if connection.info.server_version >= 150000:
        may_hide = "has_parameter_privilege(current_user, 'track_activities', 'SET')"
    row = connection.execute(
        f"SELECT md5(concat_ws(' ', {', '.join(lists)}, {may_hide}))".encode()
    ).fetchone()
    return str(row and row[0])
