"""Tables of the American ERP. Instants are ISO text on New York's wall clock, for sorting."""

SCHEMA = """
CREATE TABLE customers (
  customerNumber TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, class TEXT,
  email TEXT, phone TEXT, language TEXT, taxId TEXT, street TEXT, city TEXT, zip TEXT,
  country TEXT, terms TEXT, currency TEXT NOT NULL, creditLimit DEC, openBalance DEC,
  creditHold INTEGER NOT NULL, createdOn TEXT, modified TEXT
);
CREATE INDEX customers_name ON customers (name);
CREATE INDEX customers_modified ON customers (modified, customerNumber);
CREATE TABLE items (
  sku TEXT PRIMARY KEY, description TEXT, category TEXT, uom TEXT NOT NULL,
  serialized INTEGER, lotControlled INTEGER, hazmat INTEGER, finalSale INTEGER,
  inspect INTEGER, returnDays INTEGER, upc TEXT, weightKg DEC, listPrice DEC, standardCost DEC,
  currency TEXT NOT NULL, active INTEGER, modified TEXT
);
CREATE TABLE orders (
  id TEXT PRIMARY KEY, orderNumber TEXT, customer TEXT NOT NULL, status TEXT NOT NULL,
  holdReason TEXT, orderDate TEXT NOT NULL, confirmedDate TEXT, completedDate TEXT,
  cancelledDate TEXT, requestedDate TEXT, total DEC, tax DEC, freight DEC,
  currency TEXT NOT NULL, poNumber TEXT, source TEXT, priority TEXT, salesRep TEXT,
  company TEXT NOT NULL, shipToName TEXT, shipToStreet TEXT, shipToCity TEXT, shipToZip TEXT,
  shipToCountry TEXT, modified TEXT
);
CREATE INDEX orders_number ON orders (orderNumber);
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX orders_po ON orders (poNumber);
CREATE INDEX orders_modified ON orders (modified, id);
CREATE INDEX orders_status ON orders (status);
CREATE TABLE order_lines (
  id TEXT PRIMARY KEY, orderId TEXT NOT NULL REFERENCES orders, line INTEGER NOT NULL,
  sku TEXT NOT NULL, description TEXT, status TEXT NOT NULL, quantity DEC, cancelled DEC,
  allocated DEC, backordered DEC, picked DEC, short DEC, packed DEC, shipped DEC,
  delivered DEC, uom TEXT NOT NULL, unitPrice DEC, unitCost DEC, amount DEC, tax DEC,
  currency TEXT NOT NULL, promiseDate TEXT, modified TEXT
);
CREATE INDEX order_lines_order ON order_lines (orderId);
CREATE INDEX order_lines_sku ON order_lines (sku);
CREATE INDEX order_lines_modified ON order_lines (modified, id);
CREATE TABLE invoices (
  invoiceNumber TEXT PRIMARY KEY, orderId TEXT NOT NULL, customer TEXT NOT NULL,
  status TEXT NOT NULL, postedDate TEXT NOT NULL, dueDate TEXT, total DEC, tax DEC,
  credited DEC, disputed INTEGER, currency TEXT NOT NULL, modified TEXT
);
CREATE INDEX invoices_order ON invoices (orderId);
CREATE INDEX invoices_customer ON invoices (customer);
CREATE INDEX invoices_modified ON invoices (modified, invoiceNumber);
CREATE TABLE invoice_lines (
  id TEXT PRIMARY KEY, invoiceNumber TEXT NOT NULL REFERENCES invoices, line INTEGER,
  orderLine INTEGER, sku TEXT, description TEXT, quantity DEC, uom TEXT NOT NULL, unitPrice DEC,
  amount DEC, tax DEC, currency TEXT NOT NULL
);
CREATE INDEX invoice_lines_invoice ON invoice_lines (invoiceNumber);
CREATE TABLE credit_memos (
  memoNumber TEXT PRIMARY KEY, orderId TEXT NOT NULL, customer TEXT NOT NULL, invoiceNumber TEXT,
  rmaNumber TEXT, status TEXT NOT NULL, reason TEXT, postedDate TEXT NOT NULL, subtotal DEC,
  fees DEC, tax DEC, total DEC, applied DEC, currency TEXT NOT NULL, reference TEXT UNIQUE,
  modified TEXT
);
CREATE INDEX credit_memos_order ON credit_memos (orderId);
CREATE INDEX credit_memos_customer ON credit_memos (customer);
CREATE INDEX credit_memos_rma ON credit_memos (rmaNumber);
CREATE INDEX credit_memos_invoice ON credit_memos (invoiceNumber);
CREATE INDEX credit_memos_modified ON credit_memos (modified, memoNumber);
CREATE TABLE returns (
  rmaNumber TEXT PRIMARY KEY, orderId TEXT NOT NULL, customer TEXT NOT NULL, status TEXT NOT NULL,
  logistics TEXT, credit TEXT, resolution TEXT, reason TEXT, channel TEXT, requestedBy TEXT,
  requestedDate TEXT NOT NULL, authorizedDate TEXT, expiresDate TEXT, closedDate TEXT, site TEXT,
  modified TEXT
);
CREATE INDEX returns_order ON returns (orderId);
CREATE INDEX returns_customer ON returns (customer);
CREATE INDEX returns_modified ON returns (modified, rmaNumber);
CREATE TABLE return_lines (
  rmaNumber TEXT NOT NULL REFERENCES returns, line INTEGER NOT NULL, orderLine INTEGER, sku TEXT,
  reason TEXT, note TEXT, requested DEC, authorized DEC, received DEC, accepted DEC,
  rejected DEC, credited DEC, uom TEXT NOT NULL, unitCredit DEC, restockingFee DEC,
  currency TEXT NOT NULL, PRIMARY KEY (rmaNumber, line)
);
CREATE TABLE prices (
  id TEXT PRIMARY KEY, sku TEXT NOT NULL, customer TEXT, list TEXT, price DEC,
  currency TEXT NOT NULL, minQuantity DEC, uom TEXT NOT NULL, validFrom TEXT, validTo TEXT
);
CREATE INDEX prices_sku ON prices (sku);
CREATE INDEX prices_customer ON prices (customer);
CREATE TABLE stock_adjustments (
  id INTEGER PRIMARY KEY, reference TEXT NOT NULL UNIQUE, sku TEXT NOT NULL, site TEXT,
  quantity DEC, reason TEXT, createdDate TEXT
);
CREATE TABLE command_log (
  kind TEXT NOT NULL, reference TEXT NOT NULL, body TEXT NOT NULL, answer TEXT NOT NULL,
  PRIMARY KEY (kind, reference)
);
"""
