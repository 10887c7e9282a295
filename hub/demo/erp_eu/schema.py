"""Tables of the European ERP. Dates YYYYMMDD, times HHMMSS, both Berlin; `upd_ts` is UTC."""

SCHEMA = """
CREATE TABLE cusmas (
  cuno TEXT PRIMARY KEY, cunm TEXT NOT NULL, cust TEXT NOT NULL, cucl TEXT, cofa TEXT,
  mail TEXT, phno TEXT, lncd TEXT, vrno TEXT, adr1 TEXT, town TEXT, pcod TEXT, cscd TEXT,
  pytr TEXT, cucd TEXT NOT NULL, crlm NUMERIC(15,2), crex NUMERIC(15,2), crhd TEXT NOT NULL,
  crdt TEXT, upd_ts TEXT NOT NULL
);
CREATE INDEX cusmas_name ON cusmas (cunm);
CREATE INDEX cusmas_changed ON cusmas (upd_ts, cuno);
CREATE TABLE itmmas (
  itno TEXT PRIMARY KEY, itds TEXT, itgr TEXT, unms TEXT NOT NULL, sern TEXT, lotn TEXT, hazm TEXT,
  fnsl TEXT, insp TEXT, rwdy INTEGER, eanc TEXT, netw NUMERIC(15,3), lspr NUMERIC(15,2),
  ucos NUMERIC(15,2), cucd TEXT NOT NULL, actv TEXT, upd_ts TEXT NOT NULL
);
CREATE TABLE ordhdr (
  orno TEXT PRIMARY KEY, orcu TEXT NOT NULL REFERENCES cusmas, orst TEXT NOT NULL, orhr TEXT,
  ordt TEXT NOT NULL, ortm TEXT NOT NULL, orcf TEXT, orcp TEXT, orcx TEXT, orrd TEXT,
  orvl NUMERIC(15,2), orvt NUMERIC(15,2), orfr NUMERIC(15,2), orcr TEXT NOT NULL, orpo TEXT,
  orch TEXT, orpr TEXT, orsp TEXT, orfa TEXT, sanm TEXT, saad TEXT, satw TEXT, sapc TEXT,
  sacs TEXT, zz_swin TEXT, upd_ts TEXT NOT NULL
);
CREATE INDEX ordhdr_customer ON ordhdr (orcu);
CREATE INDEX ordhdr_status ON ordhdr (orst);
CREATE INDEX ordhdr_placed ON ordhdr (ordt, ortm);
CREATE INDEX ordhdr_po ON ordhdr (orpo);
CREATE INDEX ordhdr_changed ON ordhdr (upd_ts, orno);
CREATE TABLE ordlin (
  orno TEXT NOT NULL REFERENCES ordhdr, lnno INTEGER NOT NULL, itno TEXT NOT NULL, itds TEXT,
  lnst TEXT NOT NULL, qord NUMERIC(15,3) NOT NULL, qcan NUMERIC(15,3), qalc NUMERIC(15,3),
  qbck NUMERIC(15,3), qpck NUMERIC(15,3), qsht NUMERIC(15,3), qpak NUMERIC(15,3),
  qshp NUMERIC(15,3), qdlv NUMERIC(15,3), unms TEXT NOT NULL, uprc NUMERIC(15,2),
  ucos NUMERIC(15,2), lnvl NUMERIC(15,2), lnvt NUMERIC(15,2), pldt TEXT, upd_ts TEXT NOT NULL,
  PRIMARY KEY (orno, lnno)
);
CREATE INDEX ordlin_item ON ordlin (itno);
CREATE INDEX ordlin_changed ON ordlin (upd_ts, orno, lnno);
CREATE TABLE invhdr (
  ivno TEXT PRIMARY KEY, ivty TEXT NOT NULL, orno TEXT NOT NULL, cuno TEXT NOT NULL,
  ivst TEXT NOT NULL, ivdt TEXT NOT NULL, ivtm TEXT NOT NULL, ivdu TEXT, ivam NUMERIC(15,2),
  ivnt NUMERIC(15,2), ivvt NUMERIC(15,2), ivcr TEXT NOT NULL, ivrf TEXT, ivct NUMERIC(15,2),
  ivdp TEXT, rmno TEXT, rsnc TEXT, xref TEXT UNIQUE, upd_ts TEXT NOT NULL
);
CREATE INDEX invhdr_order ON invhdr (orno, ivty);
CREATE INDEX invhdr_customer ON invhdr (cuno);
CREATE INDEX invhdr_return ON invhdr (rmno);
CREATE INDEX invhdr_invoice ON invhdr (ivrf);
CREATE INDEX invhdr_changed ON invhdr (upd_ts, ivno);
CREATE TABLE invlin (
  ivno TEXT NOT NULL REFERENCES invhdr, ivln INTEGER NOT NULL, lnno INTEGER, itno TEXT, itds TEXT,
  qivd NUMERIC(15,3), unms TEXT NOT NULL, uprc NUMERIC(15,2), lnam NUMERIC(15,2),
  lnvt NUMERIC(15,2), PRIMARY KEY (ivno, ivln)
);
CREATE TABLE rmahdr (
  rmno TEXT PRIMARY KEY, orno TEXT NOT NULL, cuno TEXT NOT NULL, rmst TEXT NOT NULL, rmlg TEXT,
  rmcs TEXT, rmre TEXT, rsnc TEXT, rmch TEXT, rqby TEXT, rqts TEXT NOT NULL, auts TEXT, exts TEXT,
  clts TEXT, whlo TEXT, xref TEXT UNIQUE, upd_ts TEXT NOT NULL
);
CREATE INDEX rmahdr_order ON rmahdr (orno);
CREATE INDEX rmahdr_customer ON rmahdr (cuno);
CREATE INDEX rmahdr_status ON rmahdr (rmst);
CREATE INDEX rmahdr_changed ON rmahdr (upd_ts, rmno);
CREATE TABLE rmalin (
  rmno TEXT NOT NULL REFERENCES rmahdr, rmln INTEGER NOT NULL, lnno INTEGER, itno TEXT, rsnc TEXT,
  rntx TEXT, qreq NUMERIC(15,3), qaut NUMERIC(15,3), qrcv NUMERIC(15,3), qacc NUMERIC(15,3),
  qrej NUMERIC(15,3), qcrd NUMERIC(15,3), unms TEXT NOT NULL, ucpr NUMERIC(15,2),
  rsfe NUMERIC(15,2), cucd TEXT NOT NULL, PRIMARY KEY (rmno, rmln)
);
CREATE TABLE pricel (
  prno INTEGER PRIMARY KEY, itno TEXT NOT NULL, cuno TEXT, prlt TEXT, prce NUMERIC(15,2),
  cucd TEXT NOT NULL, qtfr NUMERIC(15,3), unms TEXT NOT NULL, vfdt TEXT, vtdt TEXT
);
CREATE INDEX pricel_item ON pricel (itno, cuno);
CREATE INDEX pricel_customer ON pricel (cuno);
CREATE TABLE stkadj (
  adno INTEGER PRIMARY KEY, xref TEXT NOT NULL UNIQUE, itno TEXT NOT NULL, whlo TEXT NOT NULL,
  qadj NUMERIC(15,3) NOT NULL, rsnc TEXT, adts TEXT NOT NULL
);
CREATE TABLE command_log (
  kind TEXT NOT NULL, reference TEXT NOT NULL, body TEXT NOT NULL, answer TEXT NOT NULL,
  PRIMARY KEY (kind, reference)
);
"""
