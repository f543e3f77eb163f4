"""What the new columns say of rows that were written before them, as far as the other rows tell it."""

from django.db import migrations

# An account's stake was its cash until payments were kept.
STAKES = """
    UPDATE portfolios_standing SET stake = account.cash, paid_in = account.cash
    FROM portfolios_account account WHERE account.id = portfolios_standing.account_id
"""
# What the lender has given on balance is owed.
LOANS = """
    UPDATE portfolios_balance SET owed = lent.amount
    FROM (
        SELECT account_id, currency, -SUM(amount) AS amount
        FROM portfolios_ledgerentry WHERE party = 'lender' GROUP BY account_id, currency
    ) lent
    WHERE lent.account_id = portfolios_balance.account_id AND lent.currency = portfolios_balance.currency
        AND lent.amount > 0
"""
# In the account's own currency alone: what was paid in another was not kept at its rate.
INTEREST = """
    UPDATE portfolios_standing SET interest = paid.amount
    FROM (
        SELECT entry.account_id, SUM(entry.amount) AS amount
        FROM portfolios_ledgerentry entry JOIN portfolios_account account ON account.id = entry.account_id
        WHERE entry.party = 'fees' AND entry.kind IN ('opening_fee', 'rollover') AND entry.currency = account.currency
        GROUP BY entry.account_id
    ) paid
    WHERE paid.account_id = portfolios_standing.account_id
"""
# A round trip is named after the fill that closed it: what was closed by buying was short.
SHORTS = """
    UPDATE portfolios_roundtrip SET side = 'sell'
    FROM portfolios_fill fill
    WHERE fill.account_id = portfolios_roundtrip.account_id AND fill.side = 'buy'
        AND portfolios_roundtrip.trip_id = fill.fill_id || ':trip'
"""
MARGIN_FEES = """
    UPDATE portfolios_fill SET margin_fee = paid.amount
    FROM (
        SELECT account_id, fill_id, SUM(amount) AS amount
        FROM portfolios_ledgerentry
        WHERE party = 'fees' AND kind IN ('opening_fee', 'liquidation_fee') GROUP BY account_id, fill_id
    ) paid
    WHERE paid.account_id = portfolios_fill.account_id AND paid.fill_id = portfolios_fill.fill_id
"""
# The exchange names the exits that it keeps after their entry.
PARENTS = """
    UPDATE portfolios_order SET parent_id = left(order_id, -length(purpose) - 1)
    WHERE purpose IN ('stop_loss', 'take_profit') AND right(order_id, length(purpose) + 1) = ':' || purpose
"""


class Migration(migrations.Migration):
    dependencies = [
        ("portfolios", "0005_margin_rows"),
    ]

    operations = [
        migrations.RunSQL(sql, migrations.RunSQL.noop)
        for sql in (STAKES, LOANS, INTEREST, SHORTS, MARGIN_FEES, PARENTS)
    ]
