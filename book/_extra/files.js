// The whole book in one file, as far as it was made (make pdf, make zip): these lists are written then.
window.bookFiles = [];
